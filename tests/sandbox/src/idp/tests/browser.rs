//! A browser that keeps cookies, fills in the login form and stops at the redirect to the client.

use std::collections::HashMap;

use reqwest::Response;
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use url::Url;

use super::{PUBLIC_CLIENT, REDIRECT, Running, VERIFIER, challenge, http};

#[derive(Default)]
pub(super) struct Browser {
    cookies: HashMap<String, String>,
}

/// The page or redirect at which the browser arrived.
pub(super) enum Landing {
    Page {
        status: u16,
        html: String,
    },
    /// The parameters that the client got.
    Client(HashMap<String, String>),
}

impl Landing {
    pub(super) fn parameter(&self, name: &str) -> &str {
        match self {
            Self::Client(parameters) => parameters.get(name).map_or("", String::as_str),
            Self::Page { html, .. } => panic!("a page instead of a redirect: {html}"),
        }
    }

    pub(super) fn page(&self) -> (u16, &str) {
        match self {
            Self::Page { status, html } => (*status, html),
            Self::Client(parameters) => panic!("a redirect instead of a page: {parameters:?}"),
        }
    }
}

/// The parameters of a valid authorization request, with changes; an empty value removes one.
pub(super) fn authorize_url(idp: &Running, changes: &[(&str, &str)]) -> Url {
    let challenge = challenge(VERIFIER);
    let mut parameters = vec![
        ("client_id", PUBLIC_CLIENT),
        ("redirect_uri", REDIRECT),
        ("response_type", "code"),
        ("scope", "openid profile"),
        ("state", "the state"),
        ("nonce", "the nonce"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    parameters.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    parameters.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
    Url::parse_with_params(&idp.endpoint_url("authorize"), parameters).unwrap()
}

impl Browser {
    pub(super) async fn open(&mut self, url: &Url) -> Landing {
        let request = http().get(url.clone()).header(COOKIE, self.jar());
        self.land(request.send().await.unwrap()).await
    }

    pub(super) async fn submit(&mut self, url: &Url, form: &[(&str, &str)]) -> Landing {
        let request = http()
            .post(url.clone())
            .header(COOKIE, self.jar())
            .form(form);
        self.land(request.send().await.unwrap()).await
    }

    /// Opens the page and signs in.
    pub(super) async fn sign_in(&mut self, url: &Url, username: &str, password: &str) -> Landing {
        let landing = self.open(url).await;
        let csrf = hidden(landing.page().1, "csrf");
        let form = [
            ("csrf", csrf.as_str()),
            ("username", username),
            ("password", password),
        ];
        self.submit(url, &form).await
    }

    fn jar(&self) -> String {
        let pairs = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        pairs.collect::<Vec<_>>().join("; ")
    }

    async fn land(&mut self, response: Response) -> Landing {
        for cookie in response.headers().get_all(SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        let location = response
            .headers()
            .get(LOCATION)
            .map(|to| to.to_str().unwrap().to_owned());
        match location {
            Some(location) => {
                let url = Url::parse(&location).unwrap();
                assert!(location.starts_with(REDIRECT), "redirected to {location}");
                Landing::Client(url.query_pairs().into_owned().collect())
            }
            None => {
                let status = response.status().as_u16();
                Landing::Page {
                    status,
                    html: response.text().await.unwrap(),
                }
            }
        }
    }
}

/// The value of a hidden field.
pub(super) fn hidden(html: &str, name: &str) -> String {
    let marker = format!("name=\"{name}\" value=\"");
    let start = html.find(&marker).unwrap() + marker.len();
    html[start..].split('"').next().unwrap().to_owned()
}
