//! The Helm chart, read as text: rules that a rendered chart would break only in some clusters.

use std::{fs, path::Path};

fn chart(file: &str) -> String {
    let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/helm/datahub-mcp");
    fs::read_to_string(chart.join(file)).expect(file)
}

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
    for file in ["deployment", "service", "ingress"] {
        let template = chart(&format!("templates/{file}.yaml"));
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
    assert!(chart("templates/deployment.yaml").contains("{{ $value | int64 | quote }}"));
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
    for file in ["deployment", "service", "ingress"] {
        let template = chart(&format!("templates/{file}.yaml"));
        let mut open = 0i32;
        for action in actions(&template) {
            match action.split(' ').next() {
                Some("if" | "with" | "range") => open += 1,
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
