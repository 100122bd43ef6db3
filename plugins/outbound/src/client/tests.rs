//! The builder's rules, observed from the server's side.

use super::*;
use crate::{
    proxy::{Choice, Proxies},
    testing::{Server, moved, reply},
};

fn profile() -> Profile {
    Profile {
        user_agent: "outbound-test",
        connect: Duration::from_secs(2),
        total: Some(Duration::from_secs(5)),
        idle: Duration::from_secs(1),
        idle_connections: 1,
        max_body: 1024,
        https_only: false,
    }
}

fn client(network: &Network, addresses: AddressRule) -> Client {
    Client::new(network, &profile(), addresses).unwrap()
}

fn through(choice: Choice<'_>) -> Network {
    Network {
        proxies: Proxies::new(choice).unwrap(),
        ..Network::default()
    }
}

async fn get(client: &Client, url: &Url) -> Result<Answer, String> {
    let answer = client.get(url, "text/plain").await;
    answer.map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_redirect_is_followed_within_its_origin_only() {
    let elsewhere = Server::start(|_| reply(200, "elsewhere")).await;
    let away = elsewhere.url("/x").to_string();
    let server = Server::start(move |target| match target {
        "/a" => moved("b"),
        "/b" => moved("/c?d=e"),
        "/away" => moved(away.clone()),
        "/loop" => moved("/loop"),
        "/empty" => (302, Vec::new(), String::new()),
        _ => reply(200, "here"),
    })
    .await;
    let client = client(&Network::default(), AddressRule::any());
    assert_eq!(get(&client, &server.url("/a")).await.unwrap().body, "here");
    for (path, why) in [
        ("/away", "another origin"),
        ("/loop", "more than 3 times"),
        ("/empty", "without a usable"),
    ] {
        let error = get(&client, &server.url(path)).await.unwrap_err();
        assert!(error.contains(why), "{error}");
    }
    assert!(elsewhere.targets().is_empty());
    let url = server.url("/a");
    let error = client.send(&url, client.post(&url)).await.unwrap_err();
    assert!(error.to_string().contains("credentials"), "{error}");
}

#[tokio::test]
async fn no_cookie_and_no_referer_is_sent_and_bodies_have_a_cap() {
    let server = Server::start(|target| match target {
        "/large?secret=x" => reply(200, "x".repeat(1025)),
        "/fits" => reply(200, "x".repeat(1024)),
        "/a" => {
            let mut reply = moved("/b");
            reply.1.push(("set-cookie", "canary=1; Path=/".to_owned()));
            reply
        }
        _ => reply(200, ""),
    })
    .await;
    let client = client(&Network::default(), AddressRule::any());
    get(&client, &server.url("/a")).await.unwrap();
    get(&client, &server.url("/b")).await.unwrap();
    let heads = server.heads().concat().to_lowercase();
    assert!(
        !heads.contains("cookie:") && !heads.contains("referer:"),
        "{heads}"
    );
    assert!(heads.contains("user-agent: outbound-test"), "{heads}");
    assert_eq!(
        get(&client, &server.url("/fits")).await.unwrap().body.len(),
        1024
    );
    let error = get(&client, &server.url("/large?secret=x"))
        .await
        .unwrap_err();
    assert!(
        error.ends_with("/large: the answer is larger than 1 KiB"),
        "{error}"
    );
}

#[tokio::test]
async fn a_url_goes_through_the_proxy_that_is_for_it() {
    let proxy = Server::start(|_| reply(502, "")).await;
    let direct = Server::start(|_| reply(200, "direct")).await;
    let address = format!(
        "http://user:canary@127.0.0.1:{}",
        proxy.url("/").port().unwrap()
    );
    let https_only = through(Choice {
        https: Some(&address),
        ..Choice::default()
    });
    let client_of = |network: &Network| client(network, AddressRule::any());
    let url = Url::parse("https://datahub.example.com/api").unwrap();
    let error = get(&client_of(&https_only), &url).await.unwrap_err();
    assert!(!error.contains("canary"), "{error}");
    assert_eq!(proxy.targets(), ["datahub.example.com:443"]);
    assert!(proxy.heads()[0].starts_with("CONNECT "));
    // "user:canary" in base64.
    let credentials = "Basic dXNlcjpjYW5hcnk=";
    assert!(
        proxy.heads()[0].contains(credentials),
        "{:?}",
        proxy.heads()
    );

    let answer = get(&client_of(&https_only), &direct.url("/x"))
        .await
        .unwrap();
    assert_eq!(answer.body, "direct", "loopback, and no proxy for http");

    let all = through(Choice {
        setting: Some(&address),
        except: Some("direct.example"),
        ..Choice::default()
    });
    let plain = Url::parse("http://plain.example/path").unwrap();
    let answer = get(&client_of(&all), &plain).await.unwrap();
    assert_eq!(answer.status, 502);
    assert_eq!(proxy.targets()[1], "http://plain.example/path");
    assert!(
        proxy.heads()[1].contains(credentials),
        "{:?}",
        proxy.heads()
    );
    let excepted = Url::parse("http://direct.example.invalid/").unwrap();
    let _any = get(&client_of(&all), &excepted).await;
    let excepted = Url::parse("http://x.direct.example/").unwrap();
    let error = get(&client_of(&all), &excepted).await.unwrap_err();
    assert!(error.contains("cannot be connected to"), "{error}");
    assert!(
        !proxy
            .targets()
            .iter()
            .any(|target| target.contains("x.direct.example"))
    );
    assert_eq!(
        get(&client_of(&all), &direct.url("/")).await.unwrap().body,
        "direct"
    );
}

#[tokio::test]
async fn a_forbidden_address_is_not_connected_to() {
    let server = Server::start(|_| reply(200, "")).await;
    let provider = Url::parse("https://idp.example/").unwrap();
    let guarded = client(&Network::default(), AddressRule::configured([&provider]));
    let error = get(&guarded, &server.url("/keys")).await.unwrap_err();
    assert!(error.contains("of this machine"), "{error}");
    assert!(server.targets().is_empty());
    let own = client(
        &Network::default(),
        AddressRule::configured([&server.url("/")]),
    );
    assert!(get(&own, &server.url("/keys")).await.is_ok());
}
