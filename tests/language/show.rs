//! Parts of the plan as the words in which cases speak of them.

use holdall::plan::{
    DockerImage, EnvVar, ExecutorKind, FilterKind, FilterRule, Job, JobStatus, Located, RunStep,
    Step, StepKind, Words, Workflow,
};
use holdall::yaml::Data;

/// A part as text, or why there is none.
type Shown = Result<String, String>;

fn not_in_plan(key: &str) -> Shown {
    Err(format!("the plan does not say `{key}`"))
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

pub(crate) fn workflow_key(workflow: &Workflow, key: &str) -> Shown {
    Ok(match key {
        "max_auto_reruns" => located(workflow.max_auto_reruns.as_ref()),
        "cron" => {
            let times: Vec<_> = workflow
                .schedules
                .iter()
                .map(|s| s.cron.value.as_str())
                .collect();
            times.join("; ")
        }
        _ => return not_in_plan(key),
    })
}

pub(crate) fn job_key(job: &Job, key: &str) -> Shown {
    let class = || job.executor.as_ref()?.resource_class.as_ref();
    let setting = |key: &str| job.settings.iter().find(|(name, _)| name == key);
    Ok(match key {
        "kind" => job.kind.as_str().to_owned(),
        "on" => executor(job),
        "class" => located(class()),
        "directory" => job.working_directory.value.clone(),
        "shell" => located(job.shell.as_ref()),
        "parallelism" => job.parallelism.to_string(),
        "steps" => job.steps.iter().map(step).collect::<Vec<_>>().join("; "),
        "filters" => filters(job),
        "alias" => said(job.matrix.as_ref().map(|m| &m.alias)),
        "context" => joined(&job.contexts),
        "serial-group" => located(job.serial_group.as_ref()),
        "opaque" => said(job.opaque.as_ref()),
        _ => match setting(key) {
            Some((_, Data::Str(text))) => text.clone(),
            Some((_, other)) => other.to_yaml().trim_end().to_owned(),
            None => return not_in_plan(key),
        },
    })
}

fn executor(job: &Job) -> String {
    match job.executor.as_ref().map(|e| &e.kind) {
        None => "nothing".to_owned(),
        Some(ExecutorKind::Docker(images)) => {
            let names: Vec<_> = images.iter().map(|i| i.image.value.as_str()).collect();
            format!("docker {}", names.join(" "))
        }
        Some(ExecutorKind::Machine { image, .. }) => format!("machine {}", located(image.as_ref())),
        Some(ExecutorKind::Unknown(call)) => format!("unknown {}", call.name),
        Some(ExecutorKind::Macos { xcode, .. }) => format!("macos {}", located(xcode.as_ref())),
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
        Some(FilterKind::Expression { text, .. }) => format!("expression {}", text.value),
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
        "name" => located(image.name.as_ref()),
        "user" => located(image.user.as_ref()),
        "entrypoint" => words(image.entrypoint.as_ref()),
        "command" => words(image.command.as_ref()),
        "env" => environment(&image.environment),
        _ => return not_in_plan(key),
    })
}

fn words(of: Option<&Located<Words>>) -> String {
    match of.map(|w| &w.value) {
        None => "absent".to_owned(),
        Some(Words::Text(text)) => text.clone(),
        Some(Words::List(words)) => words.join(" "),
    }
}

fn environment(vars: &[EnvVar]) -> String {
    let pairs: Vec<_> = vars
        .iter()
        .map(|v| format!("{}={}", v.name, v.value.value))
        .collect();
    pairs.join(" ")
}

pub(crate) fn step(step: &Step) -> String {
    match &step.kind {
        StepKind::Run(run) if !run.deploy => format!("run {}", run.command.value),
        StepKind::Checkout(checkout) => match &checkout.path {
            None => "checkout".to_owned(),
            Some(path) => format!("checkout {}", path.value),
        },
        StepKind::Persist(p) => format!("persist {} {}", p.root.value, joined(&p.paths)),
        StepKind::Attach(a) => format!("attach {}", a.at.value),
        StepKind::Opaque(call) => format!("opaque {}", call.name),
        builtin => builtin.key().to_owned(),
    }
}

fn joined(texts: &[Located<String>]) -> String {
    let texts: Vec<_> = texts.iter().map(|t| t.value.as_str()).collect();
    texts.join(" ")
}

fn said<T: ToString>(value: Option<&T>) -> String {
    value.map_or_else(|| "absent".to_owned(), T::to_string)
}

fn located<T: ToString>(value: Option<&Located<T>>) -> String {
    said(value.map(|v| &v.value))
}

pub(crate) fn step_key(step: &Step, key: &str) -> Shown {
    if let StepKind::Run(run) = &step.kind {
        return run_key(run, key);
    }
    Ok(match (&step.kind, key) {
        (StepKind::Persist(p), "name") => said(p.name.as_ref()),
        (StepKind::Attach(a), "name") => said(a.name.as_ref()),
        (StepKind::Checkout(c), "method") => located(c.method.as_ref()),
        (StepKind::Checkout(c), "depth") => located(c.depth.as_ref()),
        (StepKind::SaveCache(c), "name") => said(c.name.as_ref()),
        (StepKind::SaveCache(c), "key") => c.key.value.clone(),
        (StepKind::SaveCache(c), "paths") => joined(&c.paths),
        (StepKind::SaveCache(c), "when") => c.when.as_str().to_owned(),
        (StepKind::RestoreCache(c), "name") => said(c.name.as_ref()),
        (StepKind::RestoreCache(c), "keys") => joined(&c.keys),
        (StepKind::StoreArtifacts(s), "name") => said(s.name.as_ref()),
        (StepKind::StoreArtifacts(s), "path") => s.path.value.clone(),
        (StepKind::StoreArtifacts(s), "destination") => located(s.destination.as_ref()),
        (StepKind::StoreTestResults(s), "name") => said(s.name.as_ref()),
        (StepKind::StoreTestResults(s), "path") => s.path.value.clone(),
        (StepKind::SetupRemoteDocker(s), "version") => located(s.version.as_ref()),
        (StepKind::SetupRemoteDocker(s), "docker_layer_caching") => {
            said(s.docker_layer_caching.as_ref())
        }
        (StepKind::AddSshKeys(s), "fingerprints") => s
            .fingerprints
            .as_deref()
            .map_or_else(|| "absent".to_owned(), joined),
        _ => return not_in_plan(key),
    })
}

fn run_key(run: &RunStep, key: &str) -> Shown {
    Ok(match key {
        "command" => run.command.value.clone(),
        "name" => said(run.name.as_ref()),
        "shell" => said(run.shell.as_ref()),
        "directory" => located(run.working_directory.as_ref()),
        "env" => environment(&run.environment),
        "background" => run.background.to_string(),
        "timeout" => located(run.no_output_timeout.as_ref()),
        "when" => run.when.as_str().to_owned(),
        "max_auto_reruns" => located(run.max_auto_reruns.as_ref()),
        "auto_rerun_delay" => located(run.auto_rerun_delay.as_ref()),
        _ => return not_in_plan(key),
    })
}
