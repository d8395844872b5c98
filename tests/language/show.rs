//! Parts of the plan as the words in which cases speak of them.

use holdall::plan::{
    DockerImage, EnvVar, ExecutorKind, FilterKind, FilterRule, Job, JobKind, JobStatus, RunStep,
    RunWhen, Step, StepKind, Workflow,
};

/// A part as text, or why there is none.
type Shown = Result<String, String>;

fn not_in_plan(key: &str) -> Shown {
    Err(format!("the plan does not say `{key}`"))
}

fn or_absent(text: Option<&String>) -> String {
    text.cloned().unwrap_or_else(|| "absent".to_owned())
}

/// What a job requires: names, with the statuses where they are not `success` alone.
pub(crate) fn requires(workflow: &Workflow, job: &Job) -> String {
    let one = |r: &holdall::plan::Requirement| {
        let name = &workflow.jobs[r.job].name;
        if r.statuses == [JobStatus::Success] {
            return name.clone();
        }
        let words: Vec<_> = r.statuses.iter().map(|s| s.as_str()).collect();
        format!("{name}:{}", words.join("+"))
    };
    job.requires.iter().map(one).collect::<Vec<_>>().join(", ")
}

pub(crate) fn workflow_key(_: &Workflow, key: &str) -> Shown {
    not_in_plan(key)
}

pub(crate) fn job_key(job: &Job, key: &str) -> Shown {
    Ok(match key {
        "kind" => match job.kind {
            JobKind::Build => "build",
            JobKind::Approval => "approval",
            JobKind::NoOp => "no-op",
        }
        .to_owned(),
        "on" => executor(job),
        "class" => or_absent(
            job.executor
                .as_ref()
                .and_then(|e| e.resource_class.as_ref())
                .map(|c| &c.value),
        ),
        "directory" => job.working_directory.value.clone(),
        "shell" => or_absent(job.shell.as_ref().map(|s| &s.value)),
        "parallelism" => job.parallelism.to_string(),
        "steps" => job.steps.iter().map(step).collect::<Vec<_>>().join("; "),
        "filters" => filters(job),
        "alias" => or_absent(job.matrix.as_ref().map(|m| &m.alias)),
        "opaque" => or_absent(job.opaque.as_ref()),
        _ => return not_in_plan(key),
    })
}

fn executor(job: &Job) -> String {
    match job.executor.as_ref().map(|e| &e.kind) {
        None => "nothing".to_owned(),
        Some(ExecutorKind::Docker(images)) => {
            let names: Vec<_> = images.iter().map(|i| i.image.value.as_str()).collect();
            format!("docker {}", names.join(" "))
        }
        Some(ExecutorKind::Machine { image }) => format!("machine {}", or_absent(image.as_ref())),
        Some(ExecutorKind::Macos { xcode }) => format!("macos {}", or_absent(xcode.as_ref())),
    }
}

fn filters(job: &Job) -> String {
    let rule = |what: &str, rule: Option<&FilterRule>| {
        let mut out = String::new();
        for (word, names) in rule
            .iter()
            .flat_map(|r| [("only", &r.only), ("ignore", &r.ignore)])
            .filter(|(_, names)| !names.is_empty())
        {
            let names: Vec<_> = names.iter().map(|n| n.value.as_str()).collect();
            out.push_str(&format!("{what} {word} {} ", names.join(" ")));
        }
        out
    };
    match job.filters.as_ref().map(|f| &f.kind) {
        None => "absent".to_owned(),
        Some(FilterKind::Expression(text)) => format!("expression {}", text.value),
        Some(FilterKind::Map { branches, tags }) => {
            let both = rule("branches", branches.as_ref()) + &rule("tags", tags.as_ref());
            both.trim_end().to_owned()
        }
    }
}

pub(crate) fn image_key(job: &Job, n: usize, key: &str) -> Shown {
    let Some(ExecutorKind::Docker(images)) = job.executor.as_ref().map(|e| &e.kind) else {
        return Err("it does not run in containers".to_owned());
    };
    let image: &DockerImage = n
        .checked_sub(1)
        .and_then(|i| images.get(i))
        .ok_or_else(|| format!("it has {} images", images.len()))?;
    Ok(match key {
        "image" => image.image.value.clone(),
        "name" => or_absent(image.name.as_ref()),
        "user" => or_absent(image.user.as_ref()),
        "entrypoint" => image.entrypoint.join(" "),
        "command" => image.command.join(" "),
        "env" => environment(&image.environment),
        _ => return not_in_plan(key),
    })
}

fn environment(vars: &[EnvVar]) -> String {
    let pairs: Vec<_> = vars
        .iter()
        .map(|v| format!("{}={}", v.name, v.value))
        .collect();
    pairs.join(" ")
}

pub(crate) fn step(step: &Step) -> String {
    match &step.kind {
        StepKind::Run(run) => format!("run {}", run.command.value),
        StepKind::Checkout { path: None } => "checkout".to_owned(),
        StepKind::Checkout { path: Some(path) } => format!("checkout {}", path.value),
        StepKind::Persist(p) => {
            let paths: Vec<_> = p.paths.iter().map(|x| x.value.as_str()).collect();
            format!("persist {} {}", p.root.value, paths.join(" "))
        }
        StepKind::Attach(a) => format!("attach {}", a.at.value),
        StepKind::Builtin(b) => b.name.clone(),
        StepKind::Opaque { name } => format!("opaque {name}"),
    }
}

pub(crate) fn step_key(step: &Step, key: &str) -> Shown {
    match &step.kind {
        StepKind::Run(run) => run_key(run, key),
        StepKind::Persist(p) if key == "name" => Ok(or_absent(p.name.as_ref())),
        StepKind::Attach(a) if key == "name" => Ok(or_absent(a.name.as_ref())),
        _ => not_in_plan(key),
    }
}

fn run_key(run: &RunStep, key: &str) -> Shown {
    Ok(match key {
        "name" => or_absent(run.name.as_ref()),
        "shell" => or_absent(run.shell.as_ref()),
        "directory" => or_absent(run.working_directory.as_ref().map(|d| &d.value)),
        "env" => environment(&run.environment),
        "background" => run.background.to_string(),
        "timeout" => or_absent(run.no_output_timeout.as_ref().map(|t| &t.value)),
        "when" => match run.when {
            RunWhen::OnSuccess => "on_success",
            RunWhen::OnFail => "on_fail",
            RunWhen::Always => "always",
        }
        .to_owned(),
        _ => return not_in_plan(key),
    })
}
