//! Removes from a document the selections that a DataHub does not know. The errors of DataHub's
//! validation name their lines. Works on the text as it is sent, with one selection per line. Knows
//! nothing of schemas, and sends nothing.

use std::collections::HashSet;

use super::fragments::spreads;

/// The remainder of a document.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stripped {
    pub(super) text: String,
    /// The removed selections, such as `Dataset.health`.
    pub(super) left_out: Vec<String>,
}

/// A document, line by line.
struct Lines<'a> {
    lines: Vec<&'a str>,
    /// The line that opens the block around a line; none for definitions.
    parent: Vec<Option<usize>>,
    removed: Vec<bool>,
}

/// `text` without the selections on these lines, counted from 1. `None` if nothing would be left
/// to ask, or a line is not a selection.
pub(super) fn prune(text: &str, unknown: &[usize]) -> Option<Stripped> {
    let mut document = Lines::read(text)?;
    let mut left_out = Vec::new();
    for number in unknown {
        let line = number.checked_sub(1)?;
        if *document.lines.get(line)? == "}" {
            return None;
        }
        // Most often a variable that only an unknown field uses.
        if document.is_operation(line) {
            continue;
        }
        let name = document.name(line);
        if !left_out.contains(&name) {
            left_out.push(name);
        }
        document.removed[line] = true;
    }
    if left_out.is_empty() {
        return None;
    }
    document.settle()?;
    Some(Stripped {
        text: document.text(),
        left_out,
    })
}

impl<'a> Lines<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let lines: Vec<&str> = text.lines().collect();
        let mut parent = Vec::with_capacity(lines.len());
        let mut open = Vec::new();
        for (number, line) in lines.iter().enumerate() {
            if *line == "}" {
                parent.push(Some(open.pop()?));
                continue;
            }
            parent.push(open.last().copied());
            if line.ends_with('{') {
                open.push(number);
            }
        }
        let removed = vec![false; lines.len()];
        open.is_empty().then_some(Self {
            lines,
            parent,
            removed,
        })
    }

    fn is_definition(&self, line: usize) -> bool {
        self.parent[line].is_none()
    }

    fn is_operation(&self, line: usize) -> bool {
        self.is_definition(line) && !self.lines[line].starts_with("fragment ")
    }

    /// Removes what has become empty or unused, until nothing more changes. `None` if the operation
    /// itself would be empty.
    fn settle(&mut self) -> Option<()> {
        loop {
            let before = self.removed.clone();
            for line in 0..self.lines.len() {
                let within = self.parent[line].is_some_and(|parent| self.removed[parent]);
                self.removed[line] |= within || self.is_empty(line) || self.spreads_nothing(line);
            }
            self.drop_unused_fragments();
            if (0..self.lines.len()).any(|line| self.is_operation(line) && self.removed[line]) {
                return None;
            }
            if before == self.removed {
                return Some(());
            }
        }
    }

    /// True for a block in which no selection is left.
    fn is_empty(&self, line: usize) -> bool {
        self.lines[line].ends_with('{')
            && !(0..self.lines.len()).any(|inner| {
                self.parent[inner] == Some(line) && self.lines[inner] != "}" && !self.removed[inner]
            })
    }

    /// True for a spread of a removed fragment.
    fn spreads_nothing(&self, line: usize) -> bool {
        spreads(self.lines[line]).any(|name| {
            !(0..self.lines.len())
                .any(|other| !self.removed[other] && self.fragment(other) == Some(name))
        })
    }

    fn drop_unused_fragments(&mut self) {
        let used: HashSet<&str> = (0..self.lines.len())
            .filter(|line| !self.removed[*line])
            .flat_map(|line| spreads(self.lines[line]))
            .collect();
        for line in 0..self.lines.len() {
            if self.fragment(line).is_some_and(|name| !used.contains(name)) {
                self.removed[line] = true;
            }
        }
    }

    /// The name of the fragment that is defined from this line on.
    fn fragment(&self, line: usize) -> Option<&'a str> {
        let rest = self.lines[line].strip_prefix("fragment ")?;
        rest.split(' ').next()
    }

    /// The path of the selection on a line: the enclosing type and the fields below that, such as
    /// `Dataset.properties.created`.
    fn name(&self, line: usize) -> String {
        let mut parts = Vec::new();
        let mut at = Some(line);
        while let Some(line) = at {
            let text = self.lines[line];
            if let Some((_, rest)) = text.split_once(" on ") {
                parts.push(rest.trim_end_matches([' ', '{']));
                break;
            }
            if !self.is_operation(line) {
                parts.push(field(text));
            }
            at = self.parent[line];
        }
        parts.reverse();
        parts.join(".")
    }

    fn text(&self) -> String {
        let kept: Vec<&str> = (0..self.lines.len())
            .filter(|line| !self.removed[*line])
            .map(|line| self.lines[line])
            .collect();
        without_unused_variables(&kept.join("\n"))
    }
}

/// The name of the field on a line, without its alias and its arguments.
fn field(line: &str) -> &str {
    let name = line.split(['(', '{']).next().unwrap_or(line);
    let name = name.rsplit(':').next().unwrap_or(name);
    name.trim().trim_start_matches("...")
}

/// Drops the operation's unused variables: DataHub rejects those too.
fn without_unused_variables(text: &str) -> String {
    let (head, rest) = text.split_once('\n').unwrap_or((text, ""));
    let Some((before, variables)) = head.split_once('(') else {
        return text.to_owned();
    };
    let Some((variables, after)) = variables.rsplit_once(')') else {
        return text.to_owned();
    };
    let used = |variable: &&str| {
        let name = variable.split(':').next().unwrap_or_default().trim();
        rest.match_indices(name).any(|(at, _)| {
            !rest[at + name.len()..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        })
    };
    let variables: Vec<&str> = variables.split(", ").filter(used).collect();
    let variables = match variables.is_empty() {
        true => String::new(),
        false => format!("({})", variables.join(", ")),
    };
    format!("{before}{variables}{after}\n{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "query q($urn: String!, $n: Int) {
entity(urn: $urn) {
urn
... on Dataset {
health {
type
}
latest: runs(limit: $n) {
...run
}
...shared
}
}
}
fragment run on Run {
at
...shared
}
fragment shared on Thing {
x
}";

    fn without(lines: &[usize]) -> Option<(String, Vec<String>)> {
        let stripped = prune(TEXT, lines)?;
        Some((stripped.text, stripped.left_out))
    }

    #[test]
    fn a_field_goes_with_all_below_it() {
        let (text, left_out) = without(&[5]).unwrap();
        assert_eq!(text, TEXT.replace("health {\ntype\n}\n", ""));
        assert_eq!(left_out, ["Dataset.health"]);
        let (text, left_out) = without(&[6]).unwrap();
        assert_eq!(
            text,
            TEXT.replace("health {\ntype\n}\n", ""),
            "nothing is left in it"
        );
        assert_eq!(left_out, ["Dataset.health.type"]);
    }

    #[test]
    fn fragments_and_variables_that_nothing_uses_any_more_go_as_well() {
        let (text, left_out) = without(&[8]).unwrap();
        assert!(!text.contains("fragment run") && text.contains("fragment shared"));
        assert!(text.starts_with("query q($urn: String!) {\n"), "{text}");
        assert_eq!(left_out, ["Dataset.runs"]);
    }

    #[test]
    fn a_type_that_is_not_known_goes_with_everything_of_it() {
        let (text, left_out) = without(&[4]).unwrap();
        assert_eq!(
            text,
            "query q($urn: String!) {\nentity(urn: $urn) {\nurn\n}\n}"
        );
        assert_eq!(left_out, ["Dataset"]);
        let (text, left_out) = without(&[15]).unwrap();
        assert!(!text.contains("run"), "{text}");
        assert_eq!(left_out, ["Run"]);
        let (text, _) = without(&[19]).unwrap();
        assert!(!text.contains("shared") && text.contains("fragment run"));
    }

    #[test]
    fn what_would_leave_nothing_is_not_stripped() {
        assert_eq!(without(&[2]), None);
        assert_eq!(without(&[1]), None, "the operation itself");
        assert_eq!(without(&[1, 5]), without(&[5]));
        assert_eq!(without(&[3, 4]), None);
        assert_eq!(without(&[]), None);
        assert_eq!(without(&[0]), None);
        assert_eq!(without(&[99]), None);
        assert_eq!(without(&[7]), None, "a brace is no selection");
        assert_eq!(prune("query q {\nme {", &[2]), None);
    }
}
