//! What a case expects, against what came of its config.

use holdall::circleci::{Compiled, Facts, Inputs, UNSUPPORTED};
use holdall::finding::{Finding, Severity};
use holdall::lint::{Checked, Options, check_with};
use holdall::plan::{GitRef, Job, Workflow};
use holdall::yaml::Source;

use super::case::Case;
use super::show;

/// Compiles and checks a case's config; with values of the pipeline its conditions are decided.
fn checked(case: &Case, given: Option<Facts>) -> Checked {
    let orbs = |reference: &str| {
        let (_, source) = case.orbs.iter().find(|(name, _)| name == reference)?;
        Some(Source::new("orb.yml", source.as_str()).into())
    };
    let inputs = Inputs {
        given: holdall::circleci::Given::default(),
        orbs: &orbs,
        decide: given.is_some(),
        facts: given.unwrap_or_default(),
        part: true,
        ..Inputs::default()
    };
    let options = Options {
        least: Severity::Info,
        ..Options::default()
    };
    check_with(
        Source::new("config.yml", case.text.as_str()),
        options,
        &inputs,
    )
}

/// Everything in which a case is not as it should be.
pub(crate) fn failures(case: &Case) -> Vec<String> {
    let checked = checked(case, case.given.clone());
    let mut seen = Seen {
        case,
        compiled: &checked.compiled,
        findings: checked.report.findings.iter().map(|f| (f, false)).collect(),
    };
    let mut out = Vec::new();
    for expected in &case.expected {
        let words: Vec<&str> = expected.iter().map(String::as_str).collect();
        if let Err(why) = seen.meets(&words) {
            out.push(format!("{}: {why}", expected.join(" ")));
        }
    }
    for (finding, expected) in &seen.findings {
        let bad = finding.severity == Severity::Error || finding.rule == UNSUPPORTED;
        if bad && !expected {
            let label = finding.primary().map_or("", |l| &l.text);
            out.push(format!(
                "not expected: {}: {}: {label}",
                finding.rule, finding.title
            ));
        }
    }
    out
}

struct Seen<'c> {
    case: &'c Case,
    compiled: &'c Compiled,
    /// Each finding, and whether it was expected.
    findings: Vec<(&'c Finding, bool)>,
}

type Met = Result<(), String>;

fn same(found: &str, expected: &str) -> Met {
    if found == expected {
        Ok(())
    } else {
        Err(format!("it is {found:?}"))
    }
}

impl Seen<'_> {
    fn meets(&mut self, words: &[&str]) -> Met {
        match words {
            ["ok"] => Ok(()),
            ["error", rule, rest @ ..] => self.finding(Severity::Error, rule, rest),
            ["warning", rule, rest @ ..] => self.finding(Severity::Warning, rule, rest),
            ["info", rule, rest @ ..] => self.finding(Severity::Info, rule, rest),
            ["no", "warning", rule] => match self.findings.iter().find(|(f, _)| f.rule == *rule) {
                Some((finding, _)) => Err(finding.title.clone()),
                None => Ok(()),
            },
            ["workflows", names @ ..] => {
                let found: Vec<_> = self.workflows().map(|w| w.name.as_str()).collect();
                same(&found.join(", "), &names.join(", "))
            }
            ["workflow", name, rest @ ..] => self.workflow(name, rest),
            ["no", "job", name] => match self.job(name) {
                Ok(_) => Err("there is one".to_owned()),
                Err(_) => Ok(()),
            },
            ["job", name, "runs", "for", kind, pushed] => {
                runs_for(self.case, name, kind, pushed, true)
            }
            ["job", name, "stays", "out", "for", kind, pushed] => {
                runs_for(self.case, name, kind, pushed, false)
            }
            ["job", name, rest @ ..] => {
                let (workflow, job) = self.job(name)?;
                about_job(workflow, job, rest)
            }
            _ => Err("this expectation cannot be read".to_owned()),
        }
    }

    fn workflows(&self) -> impl Iterator<Item = &Workflow> {
        self.compiled.pipeline.workflows.iter()
    }

    /// Finds a finding of a rule whose words hold all these texts.
    fn finding(&mut self, severity: Severity, rule: &str, texts: &[&str]) -> Met {
        let says = |f: &Finding, text: &str| {
            f.title.contains(text)
                || f.labels.iter().any(|l| l.text.contains(text))
                || f.help.iter().chain(&f.notes).any(|t| t.contains(text))
        };
        let fits = |f: &Finding| {
            f.rule == rule && f.severity == severity && texts.iter().all(|t| says(f, t))
        };
        let found = self.findings.iter_mut().find(|(f, met)| !met && fits(f));
        let (_, met) = found.ok_or("no such finding")?;
        *met = true;
        Ok(())
    }

    fn workflow(&self, name: &str, rest: &[&str]) -> Met {
        let found = self.workflows().find(|w| w.name == name);
        let workflow = found.ok_or_else(|| {
            let names: Vec<_> = self.workflows().map(|w| w.name.as_str()).collect();
            format!("there are {names:?}")
        })?;
        match rest {
            ["jobs", names @ ..] => {
                let found: Vec<_> = workflow.jobs.iter().map(|j| j.name.as_str()).collect();
                same(&found.join(", "), &names.join(", "))
            }
            ["runs"] if workflow.condition.is_none() => Ok(()),
            ["under", "a", "condition"] if workflow.condition.is_some() => Ok(()),
            ["runs"] => Err("it is under a condition".to_owned()),
            ["under", "a", "condition"] => Err("it runs".to_owned()),
            [key, value @ ..] => same(&show::workflow_key(workflow, key)?, &value.join(" ")),
            [] => Ok(()),
        }
    }

    fn job(&self, name: &str) -> Result<(&Workflow, &Job), String> {
        let all = || {
            self.workflows()
                .flat_map(|w| w.jobs.iter().map(move |j| (w, j)))
        };
        all().find(|(_, j)| j.name == name).ok_or_else(|| {
            let names: Vec<_> = all().map(|(_, j)| j.name.as_str()).collect();
            format!("there are {names:?}")
        })
    }
}

fn about_job(workflow: &Workflow, job: &Job, words: &[&str]) -> Met {
    match words {
        [] => Ok(()),
        ["requires", "nothing"] => same(&show::requires(workflow, job), ""),
        ["requires", names @ ..] => same(&show::requires(workflow, job), &names.join(", ")),
        ["waits", "for", name] => {
            if waits_for(workflow, job, name) {
                Ok(())
            } else {
                Err("it does not".to_owned())
            }
        }
        ["steps", count] if count.parse::<usize>().is_ok() => {
            same(&job.steps.len().to_string(), count)
        }
        ["step", n, rest @ ..] => {
            let index = n.parse::<usize>().map_err(|e| e.to_string())?;
            let step = index.checked_sub(1).and_then(|i| job.steps.get(i));
            let step = step.ok_or_else(|| format!("it has {} steps", job.steps.len()))?;
            match rest {
                ["under", "a", "condition"] if step.condition.is_some() => Ok(()),
                ["without", "condition"] if step.condition.is_none() => Ok(()),
                ["under" | "without", ..] => Err(format!("its condition: {:?}", step.condition)),
                ["with", key, value @ ..] => same(&show::step_key(step, key)?, &value.join(" ")),
                _ => same(&show::step(step), &rest.join(" ")),
            }
        }
        ["env", pair] => {
            let (name, value) = pair.split_once('=').ok_or("NAME=value is what is needed")?;
            let found = job.environment.iter().rev().find(|v| v.name == name);
            same(found.map_or("absent", |v| &v.value.value), value)
        }
        ["image", n, "with", key, value @ ..] => {
            let index = n.parse::<usize>().map_err(|e| e.to_string())?;
            same(&show::image_key(job, index, key)?, &value.join(" "))
        }
        [key, value @ ..] => same(&show::job_key(job, key)?, &value.join(" ")),
    }
}

/// Says whether a job requires another one, or something that does.
fn waits_for(workflow: &Workflow, job: &Job, name: &str) -> bool {
    let mut seen = vec![false; workflow.jobs.len()];
    let mut left: Vec<usize> = job.requires.iter().map(|r| r.job).collect();
    while let Some(index) = left.pop() {
        if workflow.jobs[index].name == name {
            return true;
        }
        if !std::mem::replace(&mut seen[index], true) {
            left.extend(workflow.jobs[index].requires.iter().map(|r| r.job));
        }
    }
    false
}

/// Says whether a job runs for a push: the config is compiled with the push's values.
fn runs_for(case: &Case, name: &str, kind: &str, pushed: &str, runs: bool) -> Met {
    let mut facts = Facts::default();
    let reference = match kind {
        "branch" => {
            facts.branch = Some(pushed.to_owned());
            GitRef::Branch(pushed.to_owned())
        }
        "tag" => {
            facts.tag = Some(pushed.to_owned());
            GitRef::Tag(pushed.to_owned())
        }
        _ => return Err("a branch or a tag is pushed".to_owned()),
    };
    let checked = checked(case, Some(facts));
    let workflow = checked.compiled.pipeline.workflows.iter();
    let mut workflow = workflow.filter(|w| w.jobs.iter().any(|j| j.name == name));
    let workflow = workflow.next().ok_or("there is no such job")?;
    let (left, _) = workflow
        .for_push(&reference)
        .map_err(|(_, why)| format!("{why:?}"))?;
    if left.jobs.iter().any(|j| j.name == name) == runs {
        Ok(())
    } else {
        Err(if runs { "it stays out" } else { "it runs" }.to_owned())
    }
}
