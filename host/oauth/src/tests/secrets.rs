//! Secrets that are none.

use super::*;

#[tokio::test]
async fn an_empty_secret_of_a_client_is_no_secret() {
    let idp = FakeIdp::start().await;
    let refused = |secret: &str| {
        let mut settings = settings(&idp);
        settings.clients.push(crate::ConfiguredClient {
            client_id: "agent".to_owned(),
            client_secret: Some(SecretString::from(secret)),
            name: "Agent".to_owned(),
            redirect_uris: vec![REDIRECT.to_owned()],
        });
        let url = PublicUrl::parse(ISSUER).unwrap();
        let proxy = Proxy::new(settings, url, Answers::new(Tried::Served));
        proxy.err().map(|error| error.to_string())
    };
    for (secret, why) in [
        ("", "an empty"),
        (" ", "an empty"),
        ("\u{3164}\u{200b}", "an empty"),
        ("0", "one character"),
        ("********", "one character"),
        ("x\u{200b}x", "one character"),
    ] {
        let error = refused(secret).expect(why);
        assert!(error.contains(why), "{secret:?}: {error}");
        assert!(!error.contains("***"), "{error}");
    }
    assert_eq!(refused("of the agent"), None);
}
