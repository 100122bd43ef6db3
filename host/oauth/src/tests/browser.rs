//! A browser: keeps cookies, reads the consent page's form, follows nothing by itself.

use axum::{
    body::Body,
    http::{Request, header, request::Builder},
};

use super::{Answer, World, encode};

/// A browser's cookies.
#[derive(Default, Clone)]
pub(super) struct Jar {
    cookies: Vec<(String, String)>,
}

impl Jar {
    pub(super) async fn get(&mut self, world: &World, path: &str) -> Answer {
        let request = self
            .with_cookies(Request::get(path))
            .body(Body::empty())
            .unwrap();
        let answer = world.send(request).await;
        self.keep(&answer);
        answer
    }

    /// From another network, as an app has the browser open it.
    pub(super) async fn get_from(&mut self, world: &World, peer: &str, path: &str) -> Answer {
        let request = self
            .with_cookies(Request::get(path))
            .header("sec-fetch-site", "none")
            .body(Body::empty())
            .unwrap();
        let answer = world.send_from(peer, request).await;
        self.keep(&answer);
        answer
    }

    /// As an app has the browser open it.
    pub(super) async fn authorize(&mut self, world: &World, query: &[(&str, &str)]) -> Answer {
        let headers = [("sec-fetch-site", "none")];
        self.navigate(world, query, &headers).await
    }

    pub(super) async fn navigate(
        &mut self,
        world: &World,
        query: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Answer {
        let path = format!("/oauth/authorize?{}", encode(query));
        let mut request = self.with_cookies(Request::get(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = world.send(request.body(Body::empty()).unwrap()).await;
        self.keep(&answer);
        answer
    }

    /// Presses a button on the consent page.
    pub(super) async fn decide(&mut self, world: &World, page: &Answer, decision: &str) -> Answer {
        let form = form_of(&page.body);
        self.submit(
            world,
            &[("request", &form), ("decision", decision)],
            &[("sec-fetch-site", "same-origin"), ("origin", "null")],
        )
        .await
    }

    /// The same, from another network.
    pub(super) async fn decide_from(
        &mut self,
        world: &World,
        peer: &str,
        page: &Answer,
        decision: &str,
    ) -> Answer {
        let form = encode(&[("request", &*form_of(&page.body)), ("decision", decision)]);
        let request = self
            .with_cookies(Request::post("/oauth/authorize"))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin");
        let answer = world
            .send_from(peer, request.body(Body::from(form)).unwrap())
            .await;
        self.keep(&answer);
        answer
    }

    pub(super) async fn submit(
        &mut self,
        world: &World,
        form: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = self
            .with_cookies(Request::post("/oauth/authorize"))
            .header("content-type", "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = world
            .send(request.body(Body::from(encode(form))).unwrap())
            .await;
        self.keep(&answer);
        answer
    }

    /// The value of our cookie.
    pub(super) fn value(&self) -> String {
        self.cookies[0].1.clone()
    }

    fn with_cookies(&self, request: Builder) -> Builder {
        if self.cookies.is_empty() {
            return request;
        }
        let pairs: Vec<_> = self
            .cookies
            .iter()
            .map(|(k, v)| format!("{k}={v}"))
            .collect();
        request.header(header::COOKIE, pairs.join("; "))
    }

    fn keep(&mut self, answer: &Answer) {
        for cookie in answer.headers.get_all(header::SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.retain(|(known, _)| known != name);
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
    }
}

/// The sealed request in the consent page.
pub(super) fn form_of(page: &str) -> String {
    let after = page.split("name=\"request\" value=\"").nth(1);
    let value = after.and_then(|rest| rest.split('"').next());
    value
        .unwrap_or_else(|| panic!("no form in {page}"))
        .to_owned()
}
