//! The script of a workflow: a line for each job, in an order in which each comes behind those that
//! it requires, with the filters that decide when the script runs.

use super::condition::{Command, command, pattern_of};
use super::facts::{Facts, Values, default};
use super::job::{Place, settle_stub};
use super::{capital, comment};
use crate::circleci::{actual, expression_condition};
use crate::layer::encode_job;
use crate::plan::{FilterKind, FilterRule, Job, JobIndex, JobKind, JobStatus, Workflow};
use crate::transpile::values::{PARAMETER, variable};
use crate::transpile::{Ledger, Node, Outcome};
use crate::words::quoted;

const SCRIPT: &str = include_str!("workflow.sh");
const FILTERS: &str = include_str!("filters.sh");
const RUN_JOB: &str = include_str!("run-job.sh");
const APPROVAL: &str = include_str!("approval.sh");
const NO_OP: &str = include_str!("no-op.sh");

/// What a workflow's script is made of.
struct Writer<'a> {
    at: &'a Place<'a>,
    /// For each job whether it, or one that it waits for, has no filter that lets tags in.
    tagless: Vec<bool>,
    ledger: &'a mut Ledger,
    values: Values,
    /// Remarks at the top.
    notes: Vec<String>,
    filters: bool,
    /// Whether a condition calls a function.
    conditions: bool,
}

/// Writes the script of a workflow.
pub(super) fn script(at: &Place<'_>, ledger: &mut Ledger) -> String {
    let workflow = at.workflow;
    let node = Node::Workflow(at.w);
    ledger.converted(node, "workflow");
    ledger.converted(node, "max_auto_reruns");
    let mut writer = Writer {
        at,
        tagless: tagless(workflow, at.graph.order()),
        ledger,
        values: Values::default(),
        notes: Vec::new(),
        filters: false,
        conditions: false,
    };
    let condition = writer.condition();
    writer.schedules();
    let jobs: String = at.graph.order().iter().map(|j| writer.job(*j)).collect();
    let has = |kind: fn(&Job) -> bool| workflow.jobs.iter().any(kind);
    let mut functions = String::new();
    if writer.conditions || writer.filters {
        functions.push_str(super::CONDITIONS);
    }
    if writer.filters {
        functions.push_str(FILTERS);
    }
    let mut kinds = String::new();
    for (wanted, part) in [
        (has(|j| j.kind == JobKind::Build), RUN_JOB),
        (has(|j| j.kind == JobKind::Approval), APPROVAL),
        (
            has(|j| !matches!(j.kind, JobKind::Build | JobKind::Approval)),
            NO_OP,
        ),
    ] {
        if wanted {
            kinds.push_str(part);
        }
    }
    // All parameters are handed on: what is given once holds for all jobs.
    let mut carried = String::new();
    for value in writer.values.carried(at.facts) {
        carried.push_str(&value.line);
        if let Some(why) = value.why {
            writer.notes.push(capital(&why));
            writer.ledger.approximated(node, "workflow", why);
        }
    }
    let notes = writer
        .notes
        .iter()
        .map(|n| format!("#\n# {}\n", comment(n)));
    let reruns = workflow.max_auto_reruns.as_ref().map_or(0, |r| r.value);
    let mut out = SCRIPT
        .replace("@WORKFLOW@", &comment(&workflow.name))
        .replace("@CONFIG@", &comment(at.config))
        .replace("@NOTES@", &notes.collect::<String>())
        .replace("@FILE@", &encode_job(&workflow.name))
        .replace("@RERUNS@", &reruns.to_string())
        .replace("@FACTS@", super::FACTS)
        .replace("@PARAMETERS@", &parameters(at.facts))
        .replace("@VALUES@", &carried)
        .replace("@FUNCTIONS@", &functions)
        .replace("@JOBS@", &kinds);
    out.push_str(&format!(
        "\n# The jobs of the workflow.\n{}{condition}holdall_jobs() {{\n{}}}\nholdall_jobs\nholdall_finish\n",
        super::carried(&at.comments.workflow(workflow)),
        if jobs.is_empty() { "  :\n" } else { &jobs }
    ));
    out
}

/// Says for each job whether it runs for no tag: it has no filter for tags, or waits for one such.
fn tagless(workflow: &Workflow, order: &[JobIndex]) -> Vec<bool> {
    let own = |job: &Job| match job.filters.as_ref().map(|f| &f.kind) {
        None => true,
        Some(FilterKind::Map { tags, .. }) => tags.is_none(),
        Some(FilterKind::Expression { .. }) => false,
    };
    let mut out: Vec<bool> = workflow.jobs.iter().map(own).collect();
    for j in order {
        out[*j] |= workflow.jobs[*j].requires.iter().any(|r| out[r.job]);
    }
    out
}

/// Returns the cases that take the parameters of the pipeline.
fn parameters(facts: &Facts) -> String {
    let case = |p: &crate::transpile::values::Parameter| {
        let mut line = format!(
            "    {}) holdall_set {} \"$2\"",
            quoted(&p.name),
            variable(&format!("{PARAMETER}{}", p.name))
        );
        let allowed = match p.kind.as_str() {
            "boolean" => vec!["true".to_owned(), "false".to_owned()],
            "enum" => p.options.clone(),
            _ => Vec::new(),
        };
        for word in allowed {
            line.push(' ');
            line.push_str(&quoted(&word));
        }
        format!("{line} ;; # {}\n", comment(&about(p)))
    };
    facts.parameters.iter().map(case).collect()
}

fn about(parameter: &crate::transpile::values::Parameter) -> String {
    let default = default(parameter);
    let said = parameter.description.as_deref().unwrap_or("a parameter");
    match default.is_empty() {
        true => said.to_owned(),
        false => format!("{said} (default: {default})"),
    }
}

impl Writer<'_> {
    /// Writes when the workflow runs at all.
    fn condition(&mut self) -> String {
        let node = Node::Workflow(self.at.w);
        self.ledger.converted(node, "when");
        let Some(rule) = &self.at.workflow.rule else {
            return String::new();
        };
        let Some(Command { text, values }) = command(rule, self.at.facts) else {
            let what = "write when this workflow runs: its condition rests on what a shell cannot ask for, and it does not run until then";
            self.ledger.manual(node, "when", what);
            return format!(
                "# To do: {what}\nprintf 'the condition of the workflow is not known: this script says where to write it\\n' >&2\nexit 2\n"
            );
        };
        self.conditions |= text.contains("holdall_");
        self.values.add(&values);
        format!(
            "if {text}; then :; else\n  printf 'the condition of the workflow does not hold: nothing runs\\n'\n  exit 0\nfi\n"
        )
    }

    fn schedules(&mut self) {
        let node = Node::Workflow(self.at.w);
        for (nth, schedule) in self.at.workflow.schedules.iter().enumerate() {
            let what = format!(
                "put this script into a crontab, in UTC: `{}`, for each branch that it is for",
                actual(&schedule.cron.value)
            );
            self.notes.push(format!("To do: {what}"));
            self.ledger
                .settle_nth(node, "schedule", nth, Outcome::Manual(what));
        }
    }

    /// Writes the lines of a job, and settles what its entry in the workflow says.
    fn job(&mut self, j: JobIndex) -> String {
        let job = &self.at.workflow.jobs[j];
        let node = Node::Job(self.at.w, j);
        let mut comments = Vec::new();
        self.ledger.converted(node, "requires");
        self.ledger.converted(node, "matrix");
        if let Some(group) = &job.serial_group {
            let why = "jobs of other runs are not waited for";
            comments.push(format!("Serial group {}: {why}", actual(&group.value)));
            self.ledger.approximated(node, "serial-group", why);
        }
        for (key, what) in [
            (
                "unknown requires",
                "say which job it waits for: it is not known here",
            ),
            (
                "override-with",
                "say whether the orb's job takes its place: its source is not known here",
            ),
        ] {
            self.ledger.manual(node, key, what);
        }
        for unknown in &job.unknown_requires {
            comments.push(format!(
                "To do: it waits for {}, which is not known here",
                actual(&unknown.value)
            ));
        }
        if job.kind != JobKind::Build {
            for (nth, context) in job.contexts.iter().enumerate() {
                let what = format!("nothing reads the context {} here", actual(&context.value));
                self.ledger
                    .settle_nth(node, "context", nth, Outcome::Approximated(what));
            }
            comments.extend(settle_stub(job, node, self.ledger));
        }
        let filters = self.filters(j, &mut comments);
        let file = encode_job(&job.name);
        let mut line = match job.kind {
            JobKind::Build => format!("holdall_job {} {}", quoted(&file), job.parallelism.max(1)),
            JobKind::Approval => {
                format!("holdall_approval {} {}", quoted(&file), quoted(&job.name))
            }
            _ => format!("holdall_no_op {}", quoted(&file)),
        };
        for r in &job.requires {
            let statuses: Vec<&str> = r.statuses.iter().copied().map(JobStatus::as_str).collect();
            let name = encode_job(&self.at.workflow.jobs[r.job].name);
            line.push(' ');
            line.push_str(&quoted(&format!("{name}:{}", statuses.join(","))));
        }
        let comments = comments.iter().map(|c| format!("  # {}\n", comment(c)));
        format!("{}{filters}  {line}\n", comments.collect::<String>())
    }

    /// Writes the filters of a job; they act on the line behind them.
    fn filters(&mut self, j: JobIndex, comments: &mut Vec<String>) -> String {
        let job = &self.at.workflow.jobs[j];
        let node = Node::Job(self.at.w, j);
        self.ledger.converted(node, "filters");
        let Some(filters) = &job.filters else {
            return String::new();
        };
        match &filters.kind {
            FilterKind::Map { branches, tags } => {
                let mut out = String::new();
                if let Some(rule) = branches {
                    out.push_str(&self.rule(j, "-z", "BRANCH", rule, comments));
                }
                if self.tagless[j] {
                    if tags.is_some() {
                        comments.push(
                            "No tags: a job that it waits for has no filter for tags".to_owned(),
                        );
                    }
                } else if let Some(rule) = tags {
                    out.push_str(&self.rule(j, "-n", "TAG", rule, comments));
                }
                out
            }
            FilterKind::Expression { text, .. } => {
                let written = command(&expression_condition(&text.value), self.at.facts);
                let Some(Command { text: test, values }) = written else {
                    self.unread(j, &format!("the expression `{}`", text.value), comments);
                    return "  holdall_admitted=no\n".to_owned();
                };
                self.conditions |= test.contains("holdall_");
                self.values.add(&values);
                let tags = match self.tagless[j] {
                    true => "  if [ -n \"$HOLDALL_TAG\" ]; then holdall_admitted=no; fi\n",
                    false => "",
                };
                format!(
                    "  if {test}; then holdall_admitted=yes; else holdall_admitted=no; fi\n{tags}"
                )
            }
        }
    }

    fn rule(
        &mut self,
        j: JobIndex,
        test: &str,
        of: &str,
        rule: &FilterRule,
        comments: &mut Vec<String>,
    ) -> String {
        // What is let in is asked first, and alone.
        let (way, names) = match rule.only.is_empty() {
            true => ("ignore", &rule.ignore),
            false => ("only", &rule.only),
        };
        let mut words = Vec::new();
        for name in names {
            let name = actual(&name.value);
            let pattern = name.strip_prefix('/').and_then(|n| n.strip_suffix('/'));
            match pattern {
                None => words.push(quoted(&format!("={name}"))),
                Some(pattern) => match pattern_of(pattern) {
                    Some(pattern) => words.push(quoted(&format!("~{pattern}"))),
                    None => {
                        self.unread(j, &format!("the pattern {name}"), comments);
                        return "  holdall_admitted=no\n".to_owned();
                    }
                },
            }
        }
        self.filters = true;
        let words: String = words.iter().map(|w| format!(" {w}")).collect();
        format!(
            "  if [ {test} \"$HOLDALL_TAG\" ]; then holdall_filter {way} \"$HOLDALL_{of}\"{words}; fi\n"
        )
    }

    /// A filter that cannot be written: the job does not run until a person has.
    fn unread(&mut self, j: JobIndex, what: &str, comments: &mut Vec<String>) {
        let what = format!("write {what} as a test of a shell: the job does not run until then");
        comments.push(format!("To do: {what}"));
        self.ledger.manual(Node::Job(self.at.w, j), "filters", what);
    }
}
