//! Which jobs run for a branch or a tag (circleci-semantics §4.2): names are literal, or a
//! `/regex/` that has to match the whole name; tags let in only jobs that speak of tags, as all
//! that they wait for do.

use std::cell::RefCell;

use regex::Regex;

use super::{FilterKind, FilterRule, Filters, Job, JobIndex, Located, Requirement, Workflow};
use crate::hash::HashMap;

/// What was pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GitRef {
    /// A branch.
    Branch(String),
    /// A tag.
    Tag(String),
}

/// Why it cannot be said whether a job runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undecided {
    /// The filter is an expression.
    Expression(Located<String>),
    /// The pattern is none that the engine reads.
    Pattern(Located<String>),
}

impl Filters {
    /// Says whether these filters let a push through.
    ///
    /// # Errors
    /// The filter that cannot be decided.
    pub fn admit(&self, pushed: &GitRef) -> Result<bool, Undecided> {
        match (&self.kind, pushed) {
            (FilterKind::Expression { text, holds }, _) => {
                holds.ok_or_else(|| Undecided::Expression(text.clone()))
            }
            (FilterKind::Map { branches, .. }, GitRef::Branch(name)) => {
                branches.as_ref().map_or(Ok(true), |rule| rule.admits(name))
            }
            (FilterKind::Map { tags, .. }, GitRef::Tag(name)) => {
                tags.as_ref().map_or(Ok(false), |rule| rule.admits(name))
            }
        }
    }
}

impl FilterRule {
    /// Says whether the rule lets a name through; `only` is asked first.
    fn admits(&self, name: &str) -> Result<bool, Undecided> {
        if !self.only.is_empty() {
            return any(&self.only, name);
        }
        Ok(!any(&self.ignore, name)?)
    }
}

fn any(items: &[Located<String>], name: &str) -> Result<bool, Undecided> {
    for item in items {
        if matches(item, name)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn matches(item: &Located<String>, name: &str) -> Result<bool, Undecided> {
    let pattern = item
        .value
        .strip_prefix('/')
        .and_then(|rest| rest.strip_suffix('/'));
    let Some(pattern) = pattern else {
        return Ok(item.value == name);
    };
    whole_match(pattern, name).ok_or_else(|| Undecided::Pattern(item.clone()))
}

/// Most patterns that a thread keeps compiled.
const MOST_KEPT: usize = 256;

thread_local! {
    /// A pattern costs far more to compile than to ask, and is asked for many names.
    static COMPILED: RefCell<HashMap<String, Option<Compiled>>> = RefCell::default();
}

/// A pattern, ready to be asked.
enum Compiled {
    /// Texts that follow each other with anything between them, as in `release-.*`: most patterns
    /// are no more than that, and an automaton for one costs a thousand times what asking it does.
    Pieces(Vec<String>),
    Regex(Regex),
}

impl Compiled {
    fn new(pattern: &str) -> Option<Self> {
        if let Some(pieces) = pieces(pattern) {
            return Some(Self::Pieces(pieces));
        }
        Regex::new(&format!("^(?:{pattern})$"))
            .ok()
            .map(Self::Regex)
    }

    fn is_match(&self, name: &str) -> bool {
        let pieces = match self {
            Self::Regex(regex) => return regex.is_match(name),
            Self::Pieces(pieces) => pieces.as_slice(),
        };
        let [first, between @ .., last] = pieces else {
            return pieces.iter().all(|only| only == name);
        };
        // No `.` stands for the end of a line.
        let rest = name.strip_prefix(first.as_str());
        let Some(mut rest) = rest.filter(|rest| !rest.contains('\n')) else {
            return false;
        };
        for piece in between {
            let Some(at) = rest.find(piece.as_str()) else {
                return false;
            };
            rest = &rest[at + piece.len()..];
        }
        rest.ends_with(last.as_str())
    }
}

/// Cuts a pattern at each `.*` where there is nothing else in it that means more than itself.
fn pieces(pattern: &str) -> Option<Vec<String>> {
    let pattern = pattern.strip_prefix('^').unwrap_or(pattern);
    let pattern = match pattern.strip_suffix('$') {
        Some(rest) if !rest.ends_with('\\') => rest,
        _ => pattern,
    };
    let mut pieces = vec![String::new()];
    let mut signs = pattern.chars().peekable();
    while let Some(sign) = signs.next() {
        let sign = match sign {
            '.' if signs.next_if_eq(&'*').is_some() => {
                // `.*?` and `.*+` are others.
                if signs
                    .peek()
                    .is_some_and(|next| matches!(next, '?' | '+' | '*' | '{'))
                {
                    return None;
                }
                pieces.push(String::new());
                continue;
            }
            '\\' => signs.next_if(|next| matches!(next, '.' | '/' | '-'))?,
            sign if sign.is_ascii_alphanumeric() || matches!(sign, '_' | '-' | '/') => sign,
            _ => return None,
        };
        if signs
            .peek()
            .is_some_and(|next| matches!(next, '?' | '+' | '*' | '{'))
        {
            return None;
        }
        pieces.last_mut()?.push(sign);
    }
    Some(pieces)
}

/// Says whether a pattern matches all of a name, not a part of it; nothing where the engine does
/// not read the pattern.
fn whole_match(pattern: &str, name: &str) -> Option<bool> {
    COMPILED.with_borrow_mut(|compiled| {
        if let Some(known) = compiled.get(pattern) {
            return known.as_ref().map(|known| known.is_match(name));
        }
        if compiled.len() >= MOST_KEPT {
            compiled.clear();
        }
        let new = Compiled::new(pattern);
        let answer = new.as_ref().map(|new| new.is_match(name));
        compiled.insert(pattern.to_owned(), new);
        answer
    })
}

impl Job {
    /// Says whether its filters speak of tags.
    fn has_tags(&self) -> bool {
        self.filters
            .as_ref()
            .is_some_and(|filters| match &filters.kind {
                FilterKind::Map { tags, .. } => tags.is_some(),
                FilterKind::Expression { .. } => true,
            })
    }
}

impl Workflow {
    /// Says for each job whether it runs for a push. A job all of whose requirements are left out
    /// does not run either, and one that waits for a job without a filter for tags runs for no tag.
    ///
    /// # Errors
    /// The first filter that cannot be decided, with its job.
    pub fn runs_for(&self, pushed: &GitRef) -> Result<Vec<bool>, (JobIndex, Undecided)> {
        let mut runs = Vec::with_capacity(self.jobs.len());
        for (index, job) in self.jobs.iter().enumerate() {
            let admitted = match &job.filters {
                Some(filters) => filters.admit(pushed).map_err(|why| (index, why))?,
                None => matches!(pushed, GitRef::Branch(_)),
            };
            runs.push(admitted);
        }
        let mut behind = vec![Vec::new(); self.jobs.len()];
        for (index, job) in self.jobs.iter().enumerate() {
            for requirement in &job.requires {
                behind[requirement.job].push(index);
            }
        }
        if matches!(pushed, GitRef::Tag(_)) {
            self.leave_out_tagless(&behind, &mut runs);
        }
        self.leave_out_stranded(&behind, &mut runs);
        Ok(runs)
    }

    /// Leaves out the jobs without a filter for tags, and all that are behind one.
    fn leave_out_tagless(&self, behind: &[Vec<JobIndex>], runs: &mut [bool]) {
        let mut tagless: Vec<bool> = self.jobs.iter().map(|job| !job.has_tags()).collect();
        let mut next: Vec<JobIndex> = (0..self.jobs.len()).filter(|job| tagless[*job]).collect();
        while let Some(job) = next.pop() {
            runs[job] = false;
            for later in &behind[job] {
                if !std::mem::replace(&mut tagless[*later], true) {
                    next.push(*later);
                }
            }
        }
    }

    /// Leaves out the jobs all of whose requirements are left out; that may strand others in turn.
    fn leave_out_stranded(&self, behind: &[Vec<JobIndex>], runs: &mut [bool]) {
        let mut left: Vec<usize> = self.jobs.iter().map(|job| job.requires.len()).collect();
        let mut next: Vec<JobIndex> = (0..self.jobs.len()).filter(|job| !runs[*job]).collect();
        while let Some(job) = next.pop() {
            for later in &behind[job] {
                left[*later] -= 1;
                if left[*later] == 0 && std::mem::take(&mut runs[*later]) {
                    next.push(*later);
                }
            }
        }
    }

    /// Returns the workflow as it runs for a push ([`Self::runs_for`]), and the jobs that its
    /// filters leave out.
    ///
    /// # Errors
    /// The first filter that cannot be decided, with its job.
    pub fn for_push(
        &self,
        pushed: &GitRef,
    ) -> Result<(Self, Vec<JobIndex>), (JobIndex, Undecided)> {
        let runs = self.runs_for(pushed)?;
        let left = (0..self.jobs.len()).filter(|i| !runs[*i]).collect();
        Ok((self.part(&runs), left))
    }

    /// Returns the workflow with some of its jobs only, by their positions; requirements of the
    /// others are dropped.
    #[must_use]
    pub fn part(&self, keep: &[bool]) -> Self {
        let kept = |job: JobIndex| keep.get(job).copied().unwrap_or(false);
        let mut places = vec![None; self.jobs.len()];
        let mut jobs = Vec::new();
        for (index, job) in self.jobs.iter().enumerate().filter(|(i, _)| kept(*i)) {
            places[index] = Some(jobs.len());
            jobs.push(job.clone());
        }
        for job in &mut jobs {
            let requires = job.requires.drain(..).filter_map(|r| {
                Some(Requirement {
                    job: (*places.get(r.job)?)?,
                    ..r
                })
            });
            job.requires = requires.collect();
        }
        Self {
            jobs,
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(only: &[&str], ignore: &[&str]) -> FilterRule {
        let list = |names: &[&str]| {
            names
                .iter()
                .map(|n| Located::new((*n).to_owned(), crate::yaml::Location::default()))
                .collect()
        };
        FilterRule {
            only: list(only),
            ignore: list(ignore),
        }
    }

    fn filters(branches: Option<FilterRule>, tags: Option<FilterRule>) -> Filters {
        Filters {
            at: crate::yaml::Location::default(),
            kind: FilterKind::Map { branches, tags },
        }
    }

    fn branch(name: &str) -> GitRef {
        GitRef::Branch(name.to_owned())
    }

    proptest::proptest! {
        #[test]
        fn pieces_say_what_an_automaton_says(pattern in r"\^?([abm/]|\.\*|\\\.|\\/|-|\.|\?|\+){0,6}\$?", name in r"[abm/.\n-]{0,6}") {
            if let (Some(pieces), Ok(regex)) = (pieces(&pattern), Regex::new(&format!("^(?:{pattern})$"))) {
                let quick = Compiled::Pieces(pieces).is_match(&name);
                proptest::prop_assert_eq!(quick, regex.is_match(&name));
            }
        }
    }

    #[test]
    fn a_pattern_of_pieces_needs_no_automaton() {
        for pattern in ["main", "^release-.*$", "v.*-rc", ".*", r"dep\/.*\.x"] {
            assert!(pieces(pattern).is_some(), "{pattern}");
        }
        for pattern in ["v[0-9]+", "a|b", "a.b", "a.*?b", "ab?", r"\d", "a^", r"a\$"] {
            assert!(pieces(pattern).is_none(), "{pattern}");
        }
    }

    /// What [`Workflow::runs_for`] says, found by rounds over all jobs until nothing changes.
    fn by_rounds(workflow: &Workflow, pushed: &GitRef) -> Vec<bool> {
        let is_tag = matches!(pushed, GitRef::Tag(_));
        let jobs = &workflow.jobs;
        let admitted = |job: &Job| match &job.filters {
            Some(filters) => filters.admit(pushed).unwrap(),
            None => !is_tag,
        };
        let mut runs: Vec<bool> = jobs.iter().map(admitted).collect();
        let mut tagless: Vec<bool> = jobs.iter().map(|j| is_tag && !j.has_tags()).collect();
        for _round in 0..=2 * jobs.len() {
            for (index, job) in jobs.iter().enumerate() {
                let requires = &job.requires;
                tagless[index] |= requires.iter().any(|r| tagless[r.job]);
                let stranded = !requires.is_empty() && requires.iter().all(|r| !runs[r.job]);
                runs[index] &= !stranded && !tagless[index];
            }
        }
        runs
    }

    proptest::proptest! {
        #[test]
        fn who_runs_is_the_same_in_whatever_order(
            kinds in proptest::collection::vec(0..5_u8, 1..12),
            edges in proptest::collection::vec((0..12_usize, 0..12_usize), 0..20),
            tag in proptest::bool::ANY,
        ) {
            let at = crate::yaml::Location::default();
            let mut workflow = Workflow {
                name: "main".to_owned(),
                origin: crate::plan::Origin::default(),
                condition: None,
                rule: None,
                schedules: Vec::new(),
                max_auto_reruns: None,
                jobs: Vec::new(),
                incomplete: false,
                definition: None,
            };
            for (index, kind) in kinds.iter().enumerate() {
                let name = format!("job-{index}");
                let mut job = Job::new(name.clone(), name, crate::plan::JobKind::Build, at);
                job.filters = match kind {
                    0 => Some(filters(Some(rule(&["main"], &[])), None)),
                    1 => Some(filters(Some(rule(&["other"], &[])), Some(rule(&["v1"], &[])))),
                    2 => Some(filters(None, Some(rule(&["v1"], &[])))),
                    3 => Some(filters(None, Some(rule(&["v2"], &[])))),
                    _ => None,
                };
                workflow.jobs.push(job);
            }
            // Circles among them, and an edge twice.
            for (from, to) in edges {
                let count = workflow.jobs.len();
                workflow.jobs[from % count].requires.push(Requirement {
                    job: to % count,
                    at,
                    statuses: Vec::new(),
                });
            }
            let pushed = if tag { GitRef::Tag("v1".to_owned()) } else { branch("main") };
            let quick = workflow.runs_for(&pushed).unwrap();
            proptest::prop_assert_eq!(quick, by_rounds(&workflow, &pushed));
        }
    }

    #[test]
    fn names_are_literal_and_patterns_match_the_whole_name() {
        let only = filters(Some(rule(&["main", "/release-.*/"], &[])), None);
        assert_eq!(only.admit(&branch("main")), Ok(true));
        assert_eq!(only.admit(&branch("release-1")), Ok(true));
        assert_eq!(only.admit(&branch("my-release-1")), Ok(false));
        let glob = filters(Some(rule(&["release/*"], &[])), None);
        assert_eq!(glob.admit(&branch("release/1")), Ok(false));
        let ignore = filters(Some(rule(&[], &["/.*/"])), None);
        assert_eq!(ignore.admit(&branch("main")), Ok(false));
    }

    #[test]
    fn tags_need_a_tag_filter() {
        let tag = GitRef::Tag("v1".to_owned());
        assert_eq!(
            filters(Some(rule(&["main"], &[])), None).admit(&tag),
            Ok(false)
        );
        assert_eq!(
            filters(None, Some(rule(&["/v.*/"], &[]))).admit(&tag),
            Ok(true)
        );
        assert_eq!(
            filters(None, Some(rule(&["/v.*/"], &[]))).admit(&branch("x")),
            Ok(true)
        );
    }

    #[test]
    fn a_pattern_that_cannot_be_read_is_said() {
        let look = filters(Some(rule(&["/(?!main).*/"], &[])), None);
        assert!(matches!(
            look.admit(&branch("x")),
            Err(Undecided::Pattern(_))
        ));
    }
}
