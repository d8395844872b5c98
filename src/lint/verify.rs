//! Whether the fixes that a report offers do what they say: each is tried on the text as it is,
//! together with others that it does not meet, and what fails is tried in halves. What a program
//! reads from a report is then as sure as what `--fix` writes.

use super::Checked;
use super::fix::{after, apart, better};
use crate::finding::{Finding, Fix};
use crate::yaml::{Source, parse};

/// Most times that a text is checked again for this; fixes that are not decided by then are not
/// offered.
const MOST_CHECKS: usize = 100;

/// Takes back the fixes that do not hold. `check` is asked for the findings of each text that comes
/// of them.
pub fn verify(source: &Source, checked: &mut Checked, check: &dyn Fn(Source) -> Checked) {
    let findings = &checked.report.findings;
    let mut left: Vec<usize> = (0..findings.len())
        .filter(|i| findings[*i].fix.is_some())
        .collect();
    if left.is_empty() {
        return;
    }
    let parsed = parse(source.text_arc());
    let mut trial = Trial {
        source,
        checked,
        check,
        tree: parsed.tree,
        checks: 0,
        sound: Vec::new(),
    };
    // What is read in part cannot be compared.
    while parsed.error.is_none() && !left.is_empty() {
        let all = left
            .iter()
            .map(|i| (*i, &trial.checked.report.findings[*i]));
        let group = apart(all);
        left.retain(|i| !group.contains(i));
        trial.try_all(&group);
    }
    let sound = trial.sound;
    for (i, finding) in checked.report.findings.iter_mut().enumerate() {
        if !sound.contains(&i) {
            finding.fix = None;
        }
    }
}

struct Trial<'t> {
    source: &'t Source,
    checked: &'t Checked,
    check: &'t dyn Fn(Source) -> Checked,
    tree: crate::yaml::Tree,
    checks: usize,
    /// The findings whose fixes hold.
    sound: Vec<usize>,
}

impl Trial<'_> {
    fn try_all(&mut self, group: &[usize]) {
        if self.holds(group) {
            self.sound.extend(group);
        } else if group.len() > 1 {
            let (first, second) = group.split_at(group.len() / 2);
            self.try_all(first);
            self.try_all(second);
        }
    }

    fn holds(&mut self, group: &[usize]) -> bool {
        let findings = &self.checked.report.findings;
        let chosen: Vec<Finding> = group.iter().map(|i| findings[*i].clone()).collect();
        let fixes: Vec<&Fix> = chosen.iter().filter_map(|f| f.fix.as_ref()).collect();
        let Ok(text) = after(&self.tree, &fixes) else {
            return false;
        };
        if self.checks == MOST_CHECKS {
            return false;
        }
        self.checks += 1;
        let new = (self.check)(Source::new(self.source.path(), text));
        better(self.checked, &chosen, &new).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circleci::Inputs;
    use crate::finding::Severity;
    use crate::lint::{Options, check_with, mend};
    use crate::yaml::{Edit, Span, Touch};

    const CONFIG: &str = "version: 2.1
jobs:
  a: {docker: [{image: x}], steps: [checkout, {persist_to_workspace: {root: ., paths: dist}}]}
workflows:
  version: 2
  main: {jobs: [a]}
";

    fn answer(source: Source) -> Checked {
        let options = Options {
            least: Severity::Info,
            ..Options::default()
        };
        check_with(source, options, &Inputs::default())
    }

    fn offered(checked: &Checked) -> Vec<&str> {
        let findings = checked.report.findings.iter();
        findings
            .filter(|f| f.fix.is_some())
            .map(|f| f.rule)
            .collect()
    }

    #[test]
    fn a_fix_that_does_what_it_says_is_offered_and_another_one_is_not() {
        let source = Source::new("c.yml", CONFIG);
        let mut checked = answer(source.clone());
        verify(&source, &mut checked, &answer);
        let good = ["paths-not-a-list", "redundant-version"];
        assert_eq!(offered(&checked), good);
        // One that leaves its finding, one that changes more than it says, one that breaks the text.
        for (from, to, declared) in [
            ("version: 2\n", "version: 2.0\n", Some("2.0")),
            ("image: x", "image: y", None),
            ("[a]", "[", None),
        ] {
            let mut checked = answer(source.clone());
            let start = CONFIG.find(from).unwrap();
            let span = Span::new(start, start + from.len());
            let touches =
                declared.map(|text| Touch::Text(Span::new(start + 9, start + 10), text.to_owned()));
            let edit = Edit {
                span,
                text: to.to_owned(),
            };
            let wrong = mend::fix("x", true, vec![edit], touches.into_iter().collect());
            let findings = &mut checked.report.findings;
            let of = findings.iter_mut().find(|f| f.rule == good[1]).unwrap();
            of.fix = Some(wrong);
            verify(&source, &mut checked, &answer);
            assert_eq!(offered(&checked), good[..1], "{from}");
        }
    }

    #[test]
    fn fixes_that_meet_are_tried_one_by_one() {
        let text = CONFIG.replace(
            "  version: 2\n",
            "  version: 2\n  # holdall: ignore[path-globstar]\n",
        );
        let source = Source::new("c.yml", text);
        let mut checked = answer(source.clone());
        let before = offered(&checked).len();
        verify(&source, &mut checked, &answer);
        assert_eq!(offered(&checked).len(), before);
        assert_eq!(before, 3);
    }
}
