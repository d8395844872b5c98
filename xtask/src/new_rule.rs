//! Writes a new rule: its file, its line in the registry, its fixtures. What it writes finds
//! something from the start, so that the tests of the rules are green before the first change.

use std::fs;
use std::path::{Path, PathBuf};

const GROUPS: [&str; 5] = ["structure", "references", "graph", "workspace", "security"];
const LEVELS: [&str; 3] = ["error", "warning", "info"];

/// The rule that is wanted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    name: String,
    group: String,
    level: String,
}

impl Wanted {
    /// Reads the words behind `new-rule`.
    pub(crate) fn read(words: &[&str]) -> Result<Self, String> {
        let (mut name, mut group, mut level) = (None, "workspace", "warning");
        let mut words = words.iter().copied();
        while let Some(word) = words.next() {
            match word {
                "--group" => group = one_of(word, words.next(), &GROUPS)?,
                "--level" => level = one_of(word, words.next(), &LEVELS)?,
                _ if word.starts_with('-') => return Err(format!("there is no option `{word}`")),
                _ if name.is_none() => name = Some(word),
                _ => return Err(format!("one name only, not `{word}` as well")),
            }
        }
        let name = name.ok_or("which name? cargo xtask new-rule NAME")?;
        let parts = || name.split('-');
        let fits = |part: &str| {
            part.bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        };
        if !parts().all(|part| !part.is_empty() && fits(part))
            || !name.starts_with(|c: char| c.is_ascii_lowercase())
        {
            return Err(format!(
                "`{name}` is no name of a rule: lower-case words with `-` between them, as in `path-absolute`"
            ));
        }
        Ok(Self {
            name: name.to_owned(),
            group: group.to_owned(),
            level: level.to_owned(),
        })
    }

    /// Writes the rule into the tree of holdall and returns what is left to do.
    pub(crate) fn write(&self, root: &Path) -> Result<String, String> {
        let folder = root.join("src/lint/rules").join(&self.group);
        let registry = root.join("src/lint/rules/mod.rs");
        let modules = folder.join("mod.rs");
        let code = folder.join(format!("{}.rs", self.module()));
        let fixtures = root.join("tests/fixtures/rules").join(&self.name);
        for there in GROUPS.map(|g| root.join(format!("src/lint/rules/{g}/{}.rs", self.module()))) {
            if there.exists() {
                return Err(format!(
                    "the rule `{}` exists: {}",
                    self.name,
                    there.display()
                ));
            }
        }
        // Everything is read and made before anything is written.
        let registered = self.registered(&read(&registry)?).ok_or_else(|| {
            format!(
                "{}: no rule of the group `{}` to stand behind",
                registry.display(),
                self.group
            )
        })?;
        let declared = self
            .declared(&read(&modules)?)
            .ok_or_else(|| format!("{}: no `pub(crate) mod` to stand beside", modules.display()))?;
        fs::create_dir_all(&fixtures).map_err(|e| format!("{}: {e}", fixtures.display()))?;
        write(&code, &self.filled(include_str!("rule.rs.txt")))?;
        write(&fixtures.join("bad.yml"), &config("change-me"))?;
        write(&fixtures.join("ok.yml"), &config("dist"))?;
        write(&modules, &declared)?;
        write(&registry, &registered)?;
        Ok(self.filled(include_str!("next.txt").trim_end()))
    }

    fn module(&self) -> String {
        self.name.replace('-', "_")
    }

    fn constant(&self) -> String {
        self.module().to_uppercase()
    }

    /// Puts the rule behind the last one of its group in the registry.
    fn registered(&self, text: &str) -> Option<String> {
        let line = format!(
            "    &{}::{}::{},",
            self.group,
            self.module(),
            self.constant()
        );
        let prefix = format!("    &{}::", self.group);
        behind_last(text, &line, |l| l.starts_with(&prefix))
    }

    /// Declares the module among those of its group, by name.
    fn declared(&self, text: &str) -> Option<String> {
        let line = format!("pub(super) mod {};", self.module());
        let is_one = |l: &str| l.starts_with("pub(super) mod ");
        match text.lines().find(|l| is_one(l) && *l > line.as_str()) {
            Some(next) => Some(text.replacen(next, &format!("{line}\n{next}"), 1)),
            None => behind_last(text, &line, is_one),
        }
    }

    fn filled(&self, template: &str) -> String {
        let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
        template
            .replace("{name}", &self.name)
            .replace("{module}", &self.module())
            .replace("{CONST}", &self.constant())
            .replace("{group}", &self.group)
            .replace("{Group}", &capital(&self.group))
            .replace("{Level}", &capital(&self.level))
    }
}

fn one_of<'w>(option: &str, word: Option<&'w str>, known: &[&str]) -> Result<&'w str, String> {
    word.filter(|w| known.contains(w))
        .ok_or_else(|| format!("{option} takes one of {}", known.join(", ")))
}

/// Puts a line behind the last one that is asked for.
fn behind_last(text: &str, line: &str, is_one: impl Fn(&str) -> bool) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let last = lines.iter().rposition(|l| is_one(l))?;
    let (before, after) = lines.split_at(last + 1);
    let all: Vec<&str> = before.iter().chain([&line]).chain(after).copied().collect();
    Some(all.join("\n") + "\n")
}

/// A config whose layer holds one path.
fn config(path: &str) -> String {
    include_str!("fixture.yml.txt").replace("{path}", path)
}

fn read(path: &PathBuf) -> Result<String, String> {
    fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|e| format!("{}: {e}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(words: &[&str]) -> Result<Wanted, String> {
        Wanted::read(words)
    }

    #[test]
    fn a_name_is_kebab_case_and_a_group_exists() {
        assert!(wanted(&["path-too-long", "--group", "graph"]).is_ok());
        for wrong in [
            &[][..],
            &["Path"],
            &["path_x"],
            &["-x"],
            &["path--x"],
            &["1-path"],
            &["path", "more"],
            &["path", "--group", "colours"],
            &["path", "--level"],
        ] {
            assert!(wanted(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_rule_is_registered_behind_its_group_and_declared_by_name() {
        let rule = wanted(&["path-new"]).unwrap_or_else(|e| panic!("{e}"));
        let registry = "    &workspace::b::B,\n    &workspace::a::A,\n    &graph::c::C,\n];\n";
        assert_eq!(
            rule.registered(registry).as_deref(),
            Some(
                "    &workspace::b::B,\n    &workspace::a::A,\n    &workspace::path_new::PATH_NEW,\n    &graph::c::C,\n];\n"
            )
        );
        let modules = "pub(super) mod a;\npub(super) mod z;\nmod other;\n";
        assert_eq!(
            rule.declared(modules).as_deref(),
            Some("pub(super) mod a;\npub(super) mod path_new;\npub(super) mod z;\nmod other;\n")
        );
        let modules = "pub(super) mod a;\nmod other;\n";
        assert_eq!(
            rule.declared(modules).as_deref(),
            Some("pub(super) mod a;\npub(super) mod path_new;\nmod other;\n")
        );
    }
}
