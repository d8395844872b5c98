//! The comments of a config, by what they are about: a step, a job, a workflow.
//!
//! What stands above something, at the end of one of its lines or within it, is its own. Comments
//! within a script are a part of the script and none of these; those that speak to a linter of
//! CircleCI's configs mean nothing elsewhere and are left out.

use crate::plan::{Call, Job, MERGE, Step, Workflow};
use crate::yaml::{Comment, LineIndex, Location, Node, SourceId, Span, Tree};

/// The lists below which steps stand that have comments of their own.
const STEP_LISTS: [&str; 3] = ["steps", "pre-steps", "post-steps"];

/// The comments of a config.
pub(super) struct Comments<'t> {
    tree: &'t Tree,
    lines: LineIndex,
}

/// Returns comments that outlive the config's text.
pub(super) fn owned(comments: Vec<&str>) -> Vec<String> {
    comments.into_iter().map(str::to_owned).collect()
}

/// An item of a list or an entry of a map, with what is around it.
struct Place<'t> {
    node: Node<'t>,
    /// From its first byte, the key's of an entry, to its last.
    span: Span,
    /// Where what stands before it ends.
    from: u32,
    /// Whether nothing of its list or map stands before it, or behind it.
    first: bool,
    last: bool,
    /// Comments further right than this, behind it, are still its own.
    column: u32,
    /// The column of the key whose list it stands in.
    outer: Option<u32>,
    flow: bool,
}

impl<'t> Comments<'t> {
    pub(super) fn new(tree: &'t Tree) -> Self {
        Self {
            tree,
            lines: LineIndex::new(tree.text()),
        }
    }

    /// Returns the comments of a step with their `#`, in the order of the text: those of the calls
    /// that led to it among them, where the step before it did not come of the same ones.
    pub(super) fn step(&self, before: Option<&Step>, step: &Step) -> Vec<&'t str> {
        let mut out = Vec::new();
        if let Some(before) = before {
            self.left_behind(before, Some(step), &mut out);
        }
        let calls = calls(step);
        for call in &calls[shared(before, step)..] {
            if let Some(place) = self.item(call.at) {
                self.above(&place, &mut out);
                let lists = place.node.entries().flat_map(|e| e.value.entries());
                let lists: Vec<Span> = lists
                    .filter(|e| e.value.items().next().is_some())
                    .map(|e| self.list(e.key, e.value))
                    .collect();
                self.within(&place, &lists, &mut out);
            }
        }
        if let Some(place) = self.item(step.origin.at) {
            self.above(&place, &mut out);
            self.within(&place, &[], &mut out);
        }
        self.texts(out)
    }

    /// Returns the comments that stand behind the last step of a job.
    pub(super) fn behind(&self, last: &Step) -> Vec<&'t str> {
        let mut out = Vec::new();
        self.left_behind(last, None, &mut out);
        self.texts(out)
    }

    /// Returns the comments of a job: at its definition, and at its entry in the workflow.
    pub(super) fn job(&self, job: &Job) -> Vec<&'t str> {
        self.of_job(self.entry(job.definition), job)
    }

    /// Returns the comments at a job's entry in the workflow alone, where those of its definition
    /// have been told.
    pub(super) fn job_again(&self, job: &Job) -> Vec<&'t str> {
        self.of_job(None, job)
    }

    fn of_job(&self, definition: Option<Place<'t>>, job: &Job) -> Vec<&'t str> {
        let mut out = Vec::new();
        let entry = self.item(job.origin.at);
        let via = job.origin.via.iter().filter_map(|c| self.item(c.at));
        for place in definition.into_iter().chain(via).chain(entry) {
            self.above(&place, &mut out);
            let parts = place.node.entries();
            // An entry of a workflow is a map of one key, the definition's name.
            let inner = parts.flat_map(|e| e.value.entries());
            let lists = parts
                .chain(inner)
                .filter(|e| e.key.text().is_some_and(|key| STEP_LISTS.contains(&key)));
            let lists: Vec<Span> = lists.map(|e| self.list(e.key, e.value)).collect();
            self.within(&place, &lists, &mut out);
        }
        self.texts(out)
    }

    /// Returns the comments above a workflow.
    pub(super) fn workflow(&self, workflow: &Workflow) -> Vec<&'t str> {
        let mut out = Vec::new();
        if let Some(place) = self.entry(workflow.origin.at) {
            self.above(&place, &mut out);
        }
        self.texts(out)
    }

    /// Finds the item of the innermost list around a place of the config's own text.
    fn item(&self, at: Location) -> Option<Place<'t>> {
        let chain = self.chain(at)?;
        let inner = chain
            .windows(2)
            .rposition(|w| w[0].items().next().is_some())?;
        let (list, item) = (chain[inner], chain[inner + 1]);
        let key = inner
            .checked_sub(1)
            .and_then(|i| chain[i].entries().find(|e| e.value == list))
            .map(|e| e.key);
        let span = item.outer_span();
        let mut from = key.map_or(list.outer_span().start, |k| k.span().end);
        let (mut first, mut last) = (true, true);
        for other in list.items() {
            let other = other.outer_span();
            if other.end <= span.start {
                (from, first) = (other.end, false);
            } else if other.start >= span.end {
                last = false;
                break;
            }
        }
        Some(Place {
            node: item,
            span,
            from,
            first,
            last,
            column: self.column(span.start).saturating_sub(1),
            outer: key.map(|k| self.column(k.span().start)),
            flow: list.is_flow(),
        })
    }

    /// Finds the entry whose key stands at a place.
    fn entry(&self, at: Location) -> Option<Place<'t>> {
        let chain = self.chain(at)?;
        let key = *chain.last()?;
        let map = *chain.get(chain.len().checked_sub(2)?)?;
        let mut found = None;
        let mut from = map.outer_span().start;
        let (mut first, mut last) = (true, true);
        for entry in map.entries() {
            let span = entry.key.outer_span().to(entry.value.outer_span());
            if entry.key == key {
                found = Some((entry, span));
            } else if found.is_some() {
                last = false;
                break;
            } else {
                (from, first) = (span.end, false);
            }
        }
        let (entry, span) = found?;
        if first {
            // What stands above the first entry stands behind the key of the map.
            let outer = chain.get(chain.len().checked_sub(3)?)?;
            let outer = outer.entries().find(|e| e.value == map);
            from = outer.map_or(from, |e| e.key.span().end);
        }
        Some(Place {
            node: entry.value,
            span,
            from,
            first,
            last,
            column: self.column(span.start),
            outer: None,
            flow: map.is_flow(),
        })
    }

    fn chain(&self, at: Location) -> Option<Vec<Node<'t>>> {
        // Other sources are orbs', whose texts are not the config's.
        (at.source == SourceId::default()).then(|| self.tree.around(at.span))
    }

    fn column(&self, offset: u32) -> u32 {
        let line = self.lines.line_of(offset);
        offset - self.lines.start_of(line).unwrap_or(offset)
    }

    /// Returns the comments that begin within a range.
    fn between(&self, from: u32, to: u32) -> &'t [Comment] {
        let all = self.tree.comments();
        let first = all.partition_point(|c| c.span.start < from);
        let len = all[first..].partition_point(|c| c.span.start < to);
        &all[first..first + len]
    }

    /// Adds what stands above something, on lines of its own.
    fn above(&self, place: &Place<'_>, out: &mut Vec<Span>) {
        let found = self.between(place.from, place.span.start);
        let own = found.iter().filter(|c| {
            // Further right, it is still about what stands before.
            let mine = place.first || place.flow || self.column(c.span.start) <= place.column;
            c.own_line && mine
        });
        out.extend(own.map(|c| c.span));
    }

    /// Adds what stands within something, or at the end of its last line; not what stands within
    /// the lists.
    fn within(&self, place: &Place<'_>, lists: &[Span], out: &mut Vec<Span>) {
        let next = self.next(place.span.end);
        for comment in self.between(place.span.start, next) {
            let at = comment.span.start;
            let inside = at < place.span.end;
            let mine = match comment.own_line {
                true => inside || (!place.flow && self.column(at) > place.column),
                false => inside || self.ends_line(place.span.end, at),
            };
            let listed = lists.iter().any(|l| l.start <= at && at < l.end);
            if mine && !listed {
                out.push(comment.span);
            }
        }
    }

    /// Adds what stands behind the last item of a list, where the next step is of another one.
    fn left_behind(&self, step: &Step, next: Option<&Step>, out: &mut Vec<Span>) {
        let calls = calls(step);
        let kept = next.map_or(0, |next| shared(Some(step), next));
        let ended = calls[kept..].iter().rev().map(|c| c.at);
        for at in std::iter::once(step.origin.at).chain(ended) {
            let place = self.item(at).filter(|p| p.last && !p.flow);
            let Some((place, outer)) = place.and_then(|p| p.outer.map(|o| (p, o))) else {
                continue;
            };
            let found = self.between(place.span.end, self.next(place.span.end));
            let own = found.iter().filter(|c| {
                let column = self.column(c.span.start);
                c.own_line && column > outer && column <= place.column
            });
            out.extend(own.map(|c| c.span));
        }
    }

    /// Returns from the end of a list's key's line to where what is said in it ends.
    fn list(&self, key: Node<'_>, list: Node<'_>) -> Span {
        let end = list.outer_span().end;
        let outer = self.column(key.span().start);
        let mut behind = self.between(end, self.next(end)).iter().filter(|c| {
            let deep = c.own_line && self.column(c.span.start) > outer;
            deep || (!c.own_line && self.ends_line(end, c.span.start))
        });
        let end = behind.next_back().map_or(end, |c| c.span.end);
        let line = self.lines.line_of(key.span().end);
        let start = self.lines.start_of(line + 1).unwrap_or(end);
        // A list that begins behind its key has its items there too.
        match list.is_flow() {
            true => Span {
                start: list.span().start,
                end: list.span().end,
            },
            false => Span {
                start: start.min(end),
                end,
            },
        }
    }

    /// Says whether a comment ends the line of something: nothing but a comma is between them.
    fn ends_line(&self, end: u32, comment: u32) -> bool {
        let between = Span {
            start: end,
            end: comment,
        };
        let text = self.tree.slice_of(between);
        text.chars().all(|c| matches!(c, ' ' | '\t' | ','))
    }

    /// Returns where the first node behind a place begins, or the end of the text.
    fn next(&self, offset: u32) -> u32 {
        let end = Span::new(0, self.tree.text().len()).end;
        self.tree.begins_behind(offset).unwrap_or(end)
    }

    fn texts(&self, spans: Vec<Span>) -> Vec<&'t str> {
        let mut seen: Vec<Span> = Vec::new();
        let mut out = Vec::new();
        for span in spans {
            let text = self.tree.slice_of(span).trim_end();
            let said = text.trim_start_matches('#').trim_start();
            let to_a_linter = ["holdall:", "cci-ignore"]
                .iter()
                .any(|w| said.starts_with(w));
            if !to_a_linter && !seen.contains(&span) {
                seen.push(span);
                out.push(text);
            }
        }
        out
    }
}

/// Returns the calls that led to a step, merges aside, which bring no step.
fn calls(step: &Step) -> Vec<&Call> {
    step.origin
        .via
        .iter()
        .filter(|c| *c.what != *MERGE)
        .collect()
}

/// Returns how many of the calls that led to a step led to the one before it too.
fn shared(before: Option<&Step>, step: &Step) -> usize {
    let before = before.map(calls).unwrap_or_default();
    let both = before.iter().zip(calls(step));
    both.take_while(|(a, b)| a.at == b.at).count()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

    use super::*;
    use crate::circleci::{Inputs, compile};
    use crate::yaml::{Source, Sources};

    /// Says for each job what its comments are, and what its steps' are.
    fn told(config: &str) -> Vec<(String, Vec<Vec<String>>)> {
        let mut sources = Sources::default();
        let id = sources.add(Source::new("config.yml", config));
        let compiled = compile(&mut sources, id, &Inputs::default());
        let comments = Comments::new(&compiled.tree);
        let mut out = Vec::new();
        for workflow in &compiled.pipeline.workflows {
            for job in &workflow.jobs {
                let mut all = vec![owned(comments.job(job))];
                let mut before = None;
                for step in &job.steps {
                    all.push(owned(comments.step(before, step)));
                    before = Some(step);
                }
                all.push(before.map_or_else(Vec::new, |last| owned(comments.behind(last))));
                out.push((job.name.clone(), all));
            }
        }
        out
    }

    #[test]
    fn comments_belong_to_the_step_that_they_stand_above_or_beside() {
        let told = told(
            "version: 2.1
# the jobs
jobs:
  # builds it
  build: # here
    docker: [{image: cimg/base:2024.01}] # small
    # all of them
    steps: # in order
      # the sources
      - checkout # whole
      - run:
          # as one
          name: Make # it
          command: |
            # in the script
            make
          # deeper

      # holdall: ignore[some-rule]
      # two
      # lines
      - run: make test
      # - run: never
  # behind
workflows:
  main:
    jobs:
      # always
      - build # it
",
        );
        let (name, all) = &told[0];
        assert_eq!(name, "build");
        let expected: [&[&str]; 5] = [
            &[
                "# builds it",
                "# here",
                "# small",
                "# all of them",
                "# in order",
                "# always",
                "# it",
            ],
            &["# the sources", "# whole"],
            &["# as one", "# it", "# deeper"],
            &["# two", "# lines"],
            &["# - run: never"],
        ];
        assert_eq!(all, &expected);
    }

    #[test]
    fn comments_at_a_call_stand_once_and_those_of_the_command_with_each_call() {
        let told = told(
            "version: 2.1
commands:
  twice:
    steps:
      # one
      - run: one
      - run: two
      # no more
jobs:
  build:
    docker: [{image: cimg/base:2024.01}]
    steps:
      # first call
      - twice
      # maybe
      - when: # if so
          condition: << pipeline.git.branch.is_default >> # main
          steps:
            # second call
            - twice
            # at the end
      - run: three # flow
workflows: {main: {jobs: [build]}}
",
        );
        let expected: [&[&str]; 7] = [
            &[],
            &["# first call", "# one"],
            &[],
            &[
                "# no more",
                "# maybe",
                "# if so",
                "# main",
                "# second call",
                "# one",
            ],
            &[],
            &["# no more", "# at the end", "# flow"],
            &[],
        ];
        assert_eq!(told[0].1, expected);
    }

    #[test]
    fn a_flow_list_has_its_comment_at_its_job() {
        let told = told(
            "version: 2.1
jobs:
  build:
    docker: [{image: cimg/base:2024.01}]
    steps: [checkout, run: make] # short
workflows: {main: {jobs: [build]}}
",
        );
        let expected: [&[&str]; 4] = [&["# short"], &[], &[], &[]];
        assert_eq!(told[0].1, expected);
    }
}
