//! The Helm chart, read as text: rules that a rendered chart would break only in some clusters.

use std::{fs, path::Path};

fn chart(file: &str) -> String {
    let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/helm/datahub-mcp");
    fs::read_to_string(chart.join(file)).expect(file)
}

/// Every template.
const TEMPLATES: [&str; 5] = [
    "templates/_env.tpl",
    "templates/deployment.yaml",
    "templates/ingress.yaml",
    "templates/service.yaml",
    "templates/tests/doctor.yaml",
];

/// The content of each `{{ ... }}`.
fn actions(template: &str) -> impl Iterator<Item = &str> {
    template
        .split("{{")
        .skip(1)
        .filter_map(|rest| rest.split("}}").next())
        .map(|action| action.trim_matches(['-', ' ']))
}

/// Kubernetes must not put the addresses of Services among the settings.
#[test]
fn service_links_are_off() {
    assert!(chart("templates/deployment.yaml").contains("\n      enableServiceLinks: false\n"));
}

/// `helm test` checks what the server runs with: a setting that only one of both has proves nothing.
#[test]
fn the_test_of_a_release_runs_the_doctor_with_the_settings_of_the_server() {
    let pod = chart("templates/tests/doctor.yaml");
    assert!(pod.contains("\n    helm.sh/hook: test\n") && pod.contains("\nkind: Pod\n"));
    assert!(pod.contains("\n      args: [\"doctor\"]\n"));
    assert!(pod.contains("\n  enableServiceLinks: false\n"));
    assert!(pod.contains("\n  restartPolicy: Never\n"));
    for file in ["deployment.yaml", "tests/doctor.yaml"] {
        let template = chart(&format!("templates/{file}"));
        assert_eq!(template.matches(" env:\n").count(), 1, "{file}");
        let env = template.split(" env:\n").nth(1).expect("the variables");
        let first = env.trim_start();
        assert!(
            first.starts_with("{{- include \"datahub-mcp.env\" . | nindent "),
            "{file}"
        );
    }
    // An empty volume has mode 0777, which neither the server nor the doctor takes for a state directory.
    assert!(pod.contains("- {name: state, mountPath: /var/lib}\n"));
    let service = chart("templates/service.yaml");
    assert!(service.contains("app.kubernetes.io/name: datahub-mcp\n"));
    assert!(
        !pod.contains("app.kubernetes.io/name: datahub-mcp\n"),
        "no traffic for it"
    );
}

/// Helm reads numbers as floats: above 999999 they are written with an exponent.
#[test]
fn numbers_are_written_as_integers() {
    let values = chart("values.yaml");
    let is_number = |path: &str| {
        let key = path.rsplit('.').next().unwrap_or(path);
        values.lines().any(|line| {
            line.trim()
                .strip_prefix(key)
                .and_then(|rest| rest.strip_prefix(':'))
                .is_some_and(|value| value.trim().parse::<u64>().is_ok())
        })
    };
    let mut seen = 0;
    for file in TEMPLATES {
        let template = chart(file);
        for action in actions(&template) {
            let Some(path) = action.strip_prefix(".Values.") else {
                continue;
            };
            let path = path.split([' ', '|']).next().unwrap_or(path);
            if is_number(path) {
                seen += 1;
                assert!(action.contains("| int64"), "{file}: {action}");
            }
        }
    }
    assert_eq!(seen, 5, "replicas, three times metricsPort, service.port");
    let settings = chart("templates/_env.tpl");
    assert!(settings.contains("{{- $text = $value | int64 | toString }}"));
    // Helm before 3.9 evaluates both sides of `and`, and does not compare a text with a number.
    for action in actions(&settings) {
        let both = action.contains("kindIs") && action.contains("eq ");
        assert!(!both, "{action}");
    }
}

/// An installation without a value of one's own starts: off loopback the server wants to know its URL.
#[test]
fn the_defaults_name_a_url() {
    let settings = chart("templates/_env.tpl");
    let unset = r#"{{- if not (or (hasKey .Values.env "PUBLIC_URL") (hasKey .Values.env "OAUTH_RESOURCE_URL")) }}"#;
    let rest = settings.split(unset).nth(1).expect("the default");
    assert_eq!(rest.matches("- {name: PUBLIC_URL, value: ").count(), 2);
    assert!(rest.contains("{name: ALLOWED_HOSTS, value: "));
    // It is not https without an ingress, and codes and tokens of a sign-in need that.
    let deployment = chart("templates/deployment.yaml");
    assert!(deployment.contains("{{- if and $signIn (not $public) (not $https) }}\n{{- fail "));
}

/// A port that is set by either name is the port that the Service reaches.
#[test]
fn the_pods_port_is_the_one_that_is_set() {
    let deployment = chart("templates/deployment.yaml");
    let of_settings = r#"{{- $port := get .Values.env "DATAHUB_MCP_PORT" | default (get .Values.env "FASTMCP_PORT") | default 8000 }}"#;
    assert!(deployment.contains(of_settings));
    assert!(deployment.contains("- {name: http, containerPort: {{ $port | int64 }}}\n"));
    assert!(!deployment.contains("containerPort: 8000"));
    assert!(chart("templates/service.yaml").contains("targetPort: http}"));
}

/// A key in the pod's own directory ends with the pod, and everybody is signed out.
#[test]
fn signing_in_needs_a_key_that_outlives_the_pod() {
    let deployment = chart("templates/deployment.yaml");
    assert!(!deployment.contains("name: state, emptyDir"));
    let fail = deployment
        .find("{{- fail \"OIDC_CLIENT_ID is set")
        .expect("the check");
    assert!(
        deployment[..fail]
            .ends_with("{{- if and $signIn (not $keys) (not .Values.stateClaim) }}\n")
    );
}

/// Every block that is opened is closed, and every value that is used has a default.
#[test]
fn the_templates_fit_the_values() {
    let values = chart("values.yaml");
    for file in TEMPLATES {
        let template = chart(file);
        let mut open = 0i32;
        for action in actions(&template) {
            match action.split(' ').next() {
                Some("if" | "with" | "range" | "define") => open += 1,
                Some("end") => open -= 1,
                _ => {}
            }
            assert!(open >= 0, "{file}: an `end` too many");
            for (at, _) in action.match_indices(".Values.") {
                let path = &action[at + ".Values.".len()..];
                let end = path
                    .find(|c: char| !c.is_ascii_alphanumeric() && c != '.')
                    .unwrap_or(path.len());
                for key in path[..end].split('.') {
                    assert!(
                        values.contains(&format!("{key}:")),
                        "{file}: no default for {path}"
                    );
                }
            }
        }
        assert_eq!(open, 0, "{file}: a block is not closed");
    }
}
