//! Holds the walls of the house: no import circle between the files of a crate, and crates import
//! each other as the table in DEVELOPING.md says.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use syn::visit::Visit;

/// The folders of product crates.
const CRATES: [&str; 16] = [
    "host",
    "host/datahub",
    "host/foundation",
    "host/mcp",
    "host/oauth",
    "host/plugin-host",
    "host/telemetry",
    "plugin-api",
    "plugins/common",
    "plugins/datahub_exchange",
    "plugins/datahub_token",
    "plugins/introspection",
    "plugins/oidc",
    "plugins/outbound",
    "plugins/static_tokens",
    "plugins/token_exchange",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

type Module = Vec<String>;
type Graph<T> = BTreeMap<T, BTreeSet<T>>;

#[test]
fn no_file_imports_itself_by_way_of_others() {
    for folder in CRATES {
        let graph = imports_of(&root().join(folder).join("src"));
        assert!(!graph.is_empty(), "{folder} has no modules");
        if let Some(circle) = circle(&graph) {
            let names: Vec<String> = circle.iter().map(|module| module.join("::")).collect();
            panic!("import circle in {folder}: {}", names.join(" -> "));
        }
    }
}

#[test]
fn a_circle_is_found() {
    let sources = [
        (vec!["a"], "use crate::b::c::Item;"),
        (vec!["b"], "mod c;"),
        (
            vec!["b", "c"],
            "use super::super::d::{self, Other}; fn f() {}",
        ),
        (vec!["d"], "fn g() -> crate::a::Item { crate::a::Item }"),
        (
            vec!["e"],
            "use crate::a; #[cfg(test)] mod tests { use crate::f; }",
        ),
        (vec!["f"], "use crate::e;"),
    ];
    let sources: BTreeMap<Module, String> = sources
        .into_iter()
        .map(|(module, text)| {
            let module = module.into_iter().map(str::to_owned).collect();
            (module, text.to_owned())
        })
        .collect();
    let found = circle(&graph_of(&sources)).expect("a circle");
    let found: BTreeSet<String> = found.iter().map(|module| module.join("::")).collect();
    assert_eq!(
        found,
        ["a", "b::c", "d"].map(str::to_owned).into(),
        "tests may import what they like"
    );
}

/// The modules of a crate and the modules that each of them imports, tests left out.
fn imports_of(src: &Path) -> Graph<Module> {
    let mut sources = BTreeMap::new();
    collect(src, &mut Vec::new(), &mut sources);
    graph_of(&sources)
}

fn collect(folder: &Path, at: &mut Module, sources: &mut BTreeMap<Module, String>) {
    let entries = fs::read_dir(folder).expect("a folder of sources");
    for entry in entries {
        let path = entry.expect("an entry").path();
        let stem = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap_or_default();
        if stem == "tests" || stem == "testing" || stem == "fake" {
            continue;
        }
        if path.is_dir() {
            at.push(stem.to_owned());
            collect(&path, at, sources);
            at.pop();
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let mut module = at.clone();
            if !matches!(stem, "mod" | "lib" | "main") {
                module.push(stem.to_owned());
            }
            let text = fs::read_to_string(&path).expect("readable");
            sources.insert(module, text);
        }
    }
}

fn graph_of(sources: &BTreeMap<Module, String>) -> Graph<Module> {
    let known: BTreeSet<&Module> = sources.keys().collect();
    let mut graph = Graph::new();
    for (module, text) in sources {
        let file = syn::parse_file(text).expect("Rust");
        let mut paths = Paths::default();
        paths.visit_file(&file);
        let imported = paths.0.iter().filter_map(|path| {
            let absolute = absolute(path, module)?;
            // The longest prefix that is a module is where the item stands.
            let target = (1..=absolute.len())
                .rev()
                .map(|length| absolute[..length].to_vec())
                .find(|prefix| known.contains(prefix))?;
            // Parents and children belong together: a `mod.rs` names its parts.
            let related = target.starts_with(module) || module.starts_with(&target);
            (!related).then_some(target)
        });
        graph.insert(module.clone(), imported.collect());
    }
    graph
}

/// A path of this crate from its root; `None` for one of another crate.
fn absolute(path: &[String], module: &Module) -> Option<Module> {
    let (first, mut rest) = path.split_first()?;
    let mut base = match first.as_str() {
        "crate" => Vec::new(),
        "self" => module.clone(),
        "super" => module.split_last()?.1.to_vec(),
        _ => return None,
    };
    while let Some((name, after)) = rest.split_first()
        && name == "super"
    {
        base.pop();
        rest = after;
    }
    base.extend(rest.iter().filter(|name| *name != "self").cloned());
    Some(base)
}

/// Collects the paths of a file, those of its unit tests left out.
#[derive(Default)]
struct Paths(Vec<Vec<String>>);

impl Paths {
    fn tree(&mut self, before: &[String], tree: &syn::UseTree) {
        let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        match tree {
            syn::UseTree::Path(path) => self.tree(&with(&path.ident), &path.tree),
            syn::UseTree::Name(name) => self.0.push(with(&name.ident)),
            syn::UseTree::Rename(rename) => self.0.push(with(&rename.ident)),
            syn::UseTree::Glob(_) => self.0.push(before.to_vec()),
            syn::UseTree::Group(group) => {
                for item in &group.items {
                    self.tree(before, item);
                }
            }
        }
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        // `super` means something else inside a module in the file; only tests are written so.
        if module.content.is_none() {
            syn::visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.tree(&[], &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names = path
            .segments
            .iter()
            .map(|segment| segment.ident.to_string());
        self.0.push(names.collect());
        syn::visit::visit_path(self, path);
    }
}

/// A circle of `graph`, if there is one.
fn circle<T: Ord + Clone>(graph: &Graph<T>) -> Option<Vec<T>> {
    fn follow<T: Ord + Clone>(
        at: &T,
        graph: &Graph<T>,
        way: &mut Vec<T>,
        done: &mut BTreeSet<T>,
    ) -> Option<Vec<T>> {
        if let Some(start) = way.iter().position(|before| before == at) {
            return Some(way[start..].to_vec());
        }
        if done.contains(at) {
            return None;
        }
        way.push(at.clone());
        let found = graph
            .get(at)
            .into_iter()
            .flatten()
            .find_map(|next| follow(next, graph, way, done));
        way.pop();
        done.insert(at.clone());
        found
    }
    let mut done = BTreeSet::new();
    graph
        .keys()
        .find_map(|start| follow(start, graph, &mut Vec::new(), &mut done))
}

/// The crates of this repository that each product crate depends on, as cargo sees it.
fn dependencies() -> Graph<String> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(root())
        .output()
        .expect("cargo metadata");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let root = metadata["workspace_root"]
        .as_str()
        .expect("a root")
        .to_owned();
    let relative = |path: &str| {
        let folder = path.strip_prefix(&root).unwrap_or(path);
        folder
            .trim_start_matches('/')
            .trim_end_matches("/Cargo.toml")
            .to_owned()
    };
    let packages = metadata["packages"].as_array().expect("packages");
    let all = packages.iter().map(|package| {
        let folder = relative(package["manifest_path"].as_str().expect("a path"));
        let dependencies = package["dependencies"].as_array().into_iter().flatten();
        let own = dependencies
            .filter(|dependency| dependency["kind"].is_null())
            .filter_map(|dependency| dependency["path"].as_str())
            .map(relative);
        (folder, own.collect())
    });
    all.filter(|(folder, _)| CRATES.contains(&folder.as_str()))
        .collect()
}

/// The rows `| crate | may import |` of DEVELOPING.md.
fn table() -> Graph<String> {
    let text = fs::read_to_string(root().join("DEVELOPING.md")).unwrap_or_default();
    let (_, rest) = text
        .split_once("<!-- crates -->")
        .expect("the table of crates");
    let (rows, _) = rest.split_once("<!-- end of crates -->").expect("its end");
    let quoted = |cell: &str| -> BTreeSet<String> {
        cell.split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect()
    };
    let rows = rows.lines().filter(|row| row.starts_with("| ["));
    let cells = rows.map(|row| row.split('|').collect::<Vec<_>>());
    cells
        .flat_map(|cells| {
            let imports = quoted(cells[2]);
            quoted(cells[1])
                .into_iter()
                .map(move |name| (name, imports.clone()))
        })
        .collect()
}

#[test]
fn crates_import_each_other_as_developing_says() {
    let (found, told) = (dependencies(), table());
    assert_eq!(found.len(), CRATES.len(), "a product crate is missing");
    for (name, imports) in &found {
        assert_eq!(
            told.get(name),
            Some(imports),
            "`{name}` imports other crates than the table of DEVELOPING.md says"
        );
    }
    assert_eq!(
        told.len(),
        found.len(),
        "the table names a crate that is none"
    );
}
