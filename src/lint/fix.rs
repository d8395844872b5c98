//! Making the fixes of findings: chosen in order, applied, and verified by reading the text again.
//! A fix that does not do what it says is left out, and said so.

use std::collections::BTreeMap;

use super::Checked;
use crate::circleci::Compiled;
use crate::finding::{Finding, Fix, Severity};
use crate::hash::{HashMap, HashSet};
use crate::yaml::{Edit, Location, Source, SourceId, Span, Touch, Tree, apply, parse, same_but};

/// Most times that a text is checked again: a fix may make way for another one.
const MOST_ROUNDS: usize = 1000;

/// A config after its fixes.
#[derive(Debug)]
pub struct Fixed {
    /// What the linter says of the text as it is now.
    pub checked: Checked,
    /// The text before any fix; nothing where none was made.
    pub before: Option<Source>,
    /// The rules whose findings were mended, one for each.
    pub fixed: Vec<&'static str>,
    /// The fixes that were not made.
    pub left: Vec<Left>,
}

impl Fixed {
    /// Returns the text as it is now.
    #[must_use]
    pub fn text(&self) -> String {
        let sources = &self.checked.report.sources;
        let source = sources.get(SourceId::default());
        source.map(|s| s.text().to_owned()).unwrap_or_default()
    }
}

/// A fix that was tried and not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// The rule.
    pub rule: &'static str,
    /// Where its finding stands.
    pub at: Location,
    /// Why.
    pub why: String,
}

/// Makes the fixes of a config, the unsafe ones where they are asked for. `check` is asked for the
/// findings of each text that comes of it; only what it reports is mended.
pub fn fix(source: Source, unsafe_too: bool, check: &dyn Fn(Source) -> Checked) -> Fixed {
    let mut work = Work {
        checked: check(source.clone()),
        first: source.clone(),
        now: source,
        fixed: Vec::new(),
        refused: HashSet::default(),
        left: Vec::new(),
        stale: false,
        unsafe_too,
    };
    // What is read in part cannot be compared.
    if parse(work.now.text_arc()).error.is_none() {
        let mut most = usize::MAX;
        for _ in 0..MOST_ROUNDS {
            match work.round(most, check) {
                Round::Done if work.again() => most = usize::MAX,
                Round::Done => break,
                Round::Fixed => most = most.saturating_mul(2),
                Round::Apart(tried) => most = (tried / 2).max(1),
            }
        }
    }
    let changed = work.now.text() != work.first.text();
    Fixed {
        checked: work.checked,
        before: changed.then_some(work.first),
        fixed: work.fixed,
        left: work.left,
    }
}

struct Work {
    checked: Checked,
    first: Source,
    now: Source,
    fixed: Vec<&'static str>,
    /// The fingerprints of what cannot be mended.
    refused: HashSet<String>,
    left: Vec<Left>,
    /// Whether the text is another one than when the first of these were refused.
    stale: bool,
    unsafe_too: bool,
}

/// What came of one round.
enum Round {
    /// Nothing is left to do.
    Done,
    /// The text is another one.
    Fixed,
    /// So many fixes do not go together, or one of them does not go at all.
    Apart(usize),
}

impl Work {
    fn round(&mut self, most: usize, check: &dyn Fn(Source) -> Checked) -> Round {
        let chosen = self.choose(most);
        if chosen.is_empty() {
            return Round::Done;
        }
        let fixes: Vec<&Fix> = chosen.iter().filter_map(|f| f.fix.as_ref()).collect();
        let tree = parse(self.now.text_arc()).tree;
        let next = after(&tree, &fixes).and_then(|text| {
            let source = Source::new(self.now.path(), text);
            let checked = check(source.clone());
            better(&self.checked, &chosen, &checked)?;
            Ok((source, checked))
        });
        match (next, chosen.as_slice()) {
            (Ok((source, checked)), _) => {
                self.fixed.extend(chosen.iter().map(|f| f.rule));
                (self.now, self.checked) = (source, checked);
                self.stale = true;
                Round::Fixed
            }
            (Err(why), [one]) => {
                self.refuse(one, why);
                Round::Apart(1)
            }
            (Err(_), several) => Round::Apart(several.len()),
        }
    }

    /// Forgets what was refused, if that was of another text: what did not go before may go now,
    /// and fingerprints count what is alike.
    fn again(&mut self) -> bool {
        let again = self.stale && !self.refused.is_empty();
        if again {
            self.refused.clear();
            self.left.clear();
        }
        self.stale = false;
        again
    }

    /// Returns findings whose fixes are wanted and do not meet.
    fn choose(&self, most: usize) -> Vec<Finding> {
        let findings = self.checked.report.findings.iter();
        let wanted = findings
            .filter(|f| !self.refused.contains(&f.fingerprint))
            .filter(|f| {
                f.fix
                    .as_ref()
                    .is_some_and(|fix| fix.safe || self.unsafe_too)
            });
        let wanted: Vec<&Finding> = wanted.collect();
        let all = wanted.iter().enumerate().map(|(i, f)| (i, *f));
        let chosen = apart(all).into_iter().take(most);
        chosen.map(|i| wanted[i].clone()).collect()
    }

    fn refuse(&mut self, finding: &Finding, why: String) {
        if self.refused.insert(finding.fingerprint.clone()) {
            self.left.push(Left {
                rule: finding.rule,
                at: finding.primary().map(|l| l.at).unwrap_or_default(),
                why,
            });
        }
    }
}

/// Says whether what was to be mended is, and nothing else is worse.
pub(super) fn better(old: &Checked, chosen: &[Finding], new: &Checked) -> Result<(), String> {
    let (before, now) = (by_rule(&old.report.findings), by_rule(&new.report.findings));
    for (rule, mended) in by_rule(chosen) {
        let count = |of: &HashMap<&str, usize>| of.get(rule).copied().unwrap_or(0);
        if count(&now) + mended > count(&before) {
            return Err("it would not help".to_owned());
        }
    }
    let errors = |checked: &Checked| {
        let errors = checked.report.findings.iter();
        errors.filter(|f| f.severity == Severity::Error).count()
    };
    if errors(new) > errors(old) {
        return Err("it would bring other errors to light: see to them first".to_owned());
    }
    Ok(())
}

/// Returns the numbers of findings whose fixes do not meet, as many as there are from the first on.
pub(super) fn apart<'f>(findings: impl Iterator<Item = (usize, &'f Finding)>) -> Vec<usize> {
    let mut taken: BTreeMap<u32, u32> = BTreeMap::new();
    let mut chosen = Vec::new();
    for (i, finding) in findings {
        let Some(fix) = &finding.fix else { continue };
        // Bytes that only touch meet too: two insertions in one place have no order.
        let meets = |(_, edit): &(SourceId, Edit)| {
            let before = taken.range(..=edit.span.end).next_back();
            before.is_some_and(|(_, end)| *end >= edit.span.start)
        };
        if fix.edits.iter().any(meets) {
            continue;
        }
        let spans = fix.edits.iter().map(|(_, e)| (e.span.start, e.span.end));
        taken.extend(spans);
        chosen.push(i);
    }
    chosen
}

/// Counts the findings of each rule.
fn by_rule(findings: &[Finding]) -> HashMap<&'static str, usize> {
    let mut counts = HashMap::default();
    for finding in findings {
        *counts.entry(finding.rule).or_default() += 1;
    }
    counts
}

/// Returns the text after fixes, if it differs from the one before in nothing but what they touch.
pub(super) fn after(tree: &Tree, fixes: &[&Fix]) -> Result<String, String> {
    let all = fixes.iter().flat_map(|f| &f.edits);
    if all
        .clone()
        .any(|(source, _)| *source != SourceId::default())
    {
        return Err("it is in another file".to_owned());
    }
    let edits: Vec<Edit> = all.map(|(_, edit)| edit.clone()).collect();
    let touches: Vec<Touch> = fixes.iter().flat_map(|f| f.touches.clone()).collect();
    let text = apply(tree.text(), &edits).map_err(|e| e.to_string())?;
    let parsed = parse(text.as_str());
    if let Some(error) = parsed.error {
        return Err(format!("the text could not be read afterwards: {error}"));
    }
    same_but(tree, &parsed.tree, &touches).map_err(|e| e.to_string())?;
    Ok(text)
}

/// Makes those fixes unsafe that change text which is read in other places too: below an anchor,
/// or in a command that several jobs run. Drops those in texts that are no config here.
pub(super) fn guard(findings: &mut [Finding], compiled: &Compiled) {
    if findings.iter().all(|f| f.fix.is_none()) {
        return;
    }
    let shared = shared_steps(compiled);
    for finding in findings.iter_mut() {
        let Some(fix) = &mut finding.fix else {
            continue;
        };
        let elsewhere = |(source, _): &(SourceId, Edit)| *source != SourceId::default();
        if fix.edits.iter().any(elsewhere) {
            finding.fix = None;
            continue;
        }
        let read_twice = |(_, edit): &(SourceId, Edit)| {
            let around = compiled.tree.around(edit.span);
            let mut nodes = around.iter();
            nodes.any(|n| n.anchor().is_some() || shared.contains(&n.span()))
        };
        fix.safe = fix.safe && !fix.edits.iter().any(read_twice);
    }
}

/// Returns where steps stand that jobs with different definitions run.
fn shared_steps(compiled: &Compiled) -> HashSet<Span> {
    let mut first: HashMap<Span, Location> = HashMap::default();
    let mut shared = HashSet::default();
    for job in compiled.pipeline.workflows.iter().flat_map(|w| &w.jobs) {
        let here = |at: &Location| at.source == SourceId::default();
        for at in job.steps.iter().map(|s| s.origin.at).filter(here) {
            if *first.entry(at.span).or_insert(job.definition) != job.definition {
                shared.insert(at.span);
            }
        }
    }
    shared
}

#[cfg(test)]
mod tests {
    use super::super::mend;
    use super::*;
    use crate::lint::{Options, check_with};

    fn mending(text: &str, from: &str, to: &str, touches: Vec<Touch>) -> Fix {
        let start = text.find(from).unwrap();
        let edit = Edit {
            span: Span::new(start, start + from.len()),
            text: to.to_owned(),
        };
        mend::fix("x", true, vec![edit], touches)
    }

    fn refused(text: &str, from: &str, to: &str) -> String {
        let tree = parse(text).tree;
        after(&tree, &[&mending(text, from, to, Vec::new())]).unwrap_err()
    }

    #[test]
    fn what_changes_more_than_it_says_is_refused() {
        assert_eq!(
            refused("a: 1\nb: 2\n", "1", "3"),
            "the value at `a` changed"
        );
        assert_eq!(
            refused("a: 1 # c\n", " # c", ""),
            "the comment `# c` is gone"
        );
        assert!(refused("a: 1\n", "1", "[").starts_with("the text could not be read"));
    }

    fn config() -> &'static str {
        "version: 2.1\njobs:\n  a: {docker: [{image: x}], steps: [checkout]}\nworkflows:\n  version: 2\n  main: {jobs: [a]}\n"
    }

    fn answer(source: Source) -> Checked {
        let options = Options {
            least: Severity::Info,
            ..Options::default()
        };
        check_with(source, options, &crate::circleci::Inputs::default())
    }

    #[test]
    fn what_does_not_help_is_taken_back_and_said() {
        let check = |source: Source| {
            let text = source.text().to_owned();
            let mut checked = answer(source);
            checked
                .report
                .findings
                .retain(|f| f.rule == "redundant-version");
            for finding in &mut checked.report.findings {
                // It does what it says, and the finding stays.
                let Some(line) = text.find("  version: 2\n") else {
                    continue;
                };
                let start = line + 11;
                let span = Span::new(start, start + 1);
                let touch = Touch::Text(span, "2.0".to_owned());
                finding.fix = Some(mending(
                    &text,
                    "version: 2\n",
                    "version: 2.0\n",
                    vec![touch],
                ));
            }
            checked
        };
        let fixed = fix(Source::new("c.yml", config()), true, &check);
        assert_eq!(fixed.text(), config());
        assert!(fixed.before.is_none() && fixed.fixed.is_empty());
        assert_eq!(fixed.left.len(), 1);
        assert_eq!(fixed.left[0].why, "it would not help");
    }

    #[test]
    fn fixes_that_meet_are_made_one_after_the_other() {
        let text = config().replace(
            "version: 2\n",
            "version: 2\n  # holdall: ignore[path-globstar]\n",
        );
        let fixed = fix(Source::new("c.yml", text.as_str()), false, &answer);
        assert_eq!(fixed.text(), config().replace("  version: 2\n", ""));
        assert_eq!(fixed.fixed.len(), 2);
        assert_eq!(fixed.before.unwrap().text(), text);
    }
}
