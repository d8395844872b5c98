//! Services that CircleCI has on `localhost`: here each is a host of its own. Variables that name
//! a service are changed; what scripts name is led there by a step.

use super::Context;
use super::write::Block;
use crate::circleci::actual;
use crate::plan::{DockerImage, ExecutorKind, Job};
use crate::words::quoted;
use crate::yaml::Data;

const FORWARD: &str = include_str!("../../shims/forward.sh");

/// A program that images hold, as far as a job has to know it.
struct Known {
    /// What the names of its images hold.
    images: &'static [&'static str],
    /// Where it listens when nothing else is said.
    port: u16,
    /// The schemes of its URLs.
    schemes: &'static [&'static str],
    /// What the names of variables hold that are about it.
    words: &'static [&'static str],
    /// Whether `DB` and `DATABASE` mean it too.
    database: bool,
}

const KNOWN: [Known; 17] = [
    known(
        &["postgres", "postgis", "timescale", "pgvector"],
        5432,
        &["postgres", "postgresql", "postgis"],
        &["PG", "POSTGRES"],
        true,
    ),
    known(
        &["mysql", "mariadb", "percona"],
        3306,
        &["mysql", "mysql2", "mariadb"],
        &["MYSQL", "MARIADB"],
        true,
    ),
    known(&["mongo"], 27017, &["mongodb"], &["MONGO"], true),
    known(
        &["redis", "valkey", "keydb"],
        6379,
        &["redis", "rediss"],
        &["REDIS", "VALKEY"],
        false,
    ),
    known(&["rabbitmq"], 5672, &["amqp"], &["RABBIT", "AMQP"], false),
    known(
        &["elasticsearch", "opensearch"],
        9200,
        &[],
        &["ELASTIC", "OPENSEARCH", "ES_"],
        false,
    ),
    known(&["memcached"], 11211, &["memcached"], &["MEMCACHE"], false),
    known(&["minio"], 9000, &[], &["MINIO"], false),
    known(&["dynamodb"], 8000, &[], &["DYNAMO"], false),
    known(&["localstack"], 4566, &[], &["LOCALSTACK"], false),
    known(&["selenium"], 4444, &[], &["SELENIUM"], false),
    known(&["kafka"], 9092, &["kafka"], &["KAFKA"], false),
    known(&["zookeeper"], 2181, &[], &["ZOOKEEPER", "ZK_"], false),
    known(&["nats"], 4222, &["nats"], &["NATS"], false),
    known(&["consul"], 8500, &[], &["CONSUL"], false),
    known(&["etcd"], 2379, &[], &["ETCD"], false),
    known(&["vault"], 8200, &[], &["VAULT"], false),
];

const fn known(
    images: &'static [&'static str],
    port: u16,
    schemes: &'static [&'static str],
    words: &'static [&'static str],
    database: bool,
) -> Known {
    Known {
        images,
        port,
        schemes,
        words,
        database,
    }
}

/// A service that is reached as `localhost`.
pub(super) struct Local {
    /// Its host name here.
    id: String,
    known: Option<&'static Known>,
}

/// Returns the services of a job that are reached as `localhost`.
pub(super) fn local(job: &Job) -> Vec<Local> {
    let Some(ExecutorKind::Docker(images)) = job.executor.as_ref().map(|e| &e.kind) else {
        return Vec::new();
    };
    let mut ids: Vec<(String, Data)> = Vec::new();
    let mut out = Vec::new();
    for image in images.iter().skip(1) {
        let id = service_id(image, &ids);
        if image.name.is_none() {
            out.push(Local {
                id: id.clone(),
                known: what_it_is(image),
            });
        }
        ids.push((id, Data::Null));
    }
    out
}

/// Says at which port an image is known to listen.
pub(super) fn port(image: &DockerImage) -> Option<u16> {
    what_it_is(image).map(|known| known.port)
}

fn what_it_is(image: &DockerImage) -> Option<&'static Known> {
    let image = actual(&image.image.value);
    let path = image.split(['@', ':']).next().unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default();
    KNOWN
        .iter()
        .find(|known| known.images.iter().any(|i| name.contains(i)))
}

/// Returns the host name of a service: its own, or its image's.
pub(super) fn service_id(image: &DockerImage, before: &[(String, Data)]) -> String {
    let base = match &image.name {
        Some(name) => actual(&name.value),
        None => {
            let image = actual(&image.image.value);
            let path = image.split(['@', ':']).next().unwrap_or_default();
            path.rsplit('/').next().unwrap_or_default().to_owned()
        }
    };
    let base = super::text::id(&base);
    let taken = |id: &str| before.iter().any(|(known, _)| known == id);
    let mut id = base.clone();
    let mut n = 2;
    while taken(&id) {
        id = format!("{base}-{n}");
        n += 1;
    }
    id
}

/// Returns the value of a variable with the service's host in the place of `localhost`, where it
/// is clear which service is meant.
pub(super) fn hosted(name: &str, value: &str, services: &[Local]) -> Option<String> {
    let (before, after) = ["localhost", "127.0.0.1"].iter().find_map(|host| {
        let (before, after) = value.split_once(host)?;
        let begins = before.is_empty() || before.ends_with("//") || before.ends_with('@');
        let ends = after.is_empty() || after.starts_with([':', '/', '?']);
        (begins && ends).then_some((before, after))
    })?;
    let port: Option<u16> = after.strip_prefix(':').and_then(|rest| {
        let digits = rest.split(|c: char| !c.is_ascii_digit()).next();
        digits?.parse().ok()
    });
    let scheme = before.split_once("://").map(|(scheme, _)| scheme);
    let upper = name.to_ascii_uppercase();
    let names = |word: &str| upper.contains(word);
    let by = |test: &dyn Fn(&Known) -> bool| {
        let mut found = services.iter().filter(|s| s.known.is_some_and(test));
        match (found.next(), found.next()) {
            (Some(one), None) => Some(one),
            _ => None,
        }
    };
    let of_database = ["DB", "DATABASE"].iter().any(|word| names(word));
    let service = match port {
        // What listens at another port is none of these.
        Some(port) => by(&|k| k.port == port)?,
        None => scheme
            .and_then(|scheme| by(&|k| k.schemes.contains(&scheme)))
            .or_else(|| by(&|k| k.words.iter().any(|word| names(word))))
            .or_else(|| by(&|k| k.database).filter(|_| of_database))?,
    };
    Some(format!("{before}{}{after}", service.id))
}

/// Writes the step that leads from `localhost` to the services, where there are any whose port is
/// known.
pub(super) fn forward(context: &Context<'_>, job: &Job) -> Option<Block> {
    let calls: Vec<String> = local(job)
        .iter()
        .filter_map(|s| Some(format!("forward {} {}\n", quoted(&s.id), s.known?.port)))
        .collect();
    if calls.is_empty() {
        return None;
    }
    let functions = context.shared("HOLDALL_FORWARD", FORWARD);
    let mut step = Block::default();
    step.put("name", "Lead from localhost to the services")
        .put("shell", "sh")
        .put("run", format!("{functions}{}", calls.concat()));
    Some(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_that_a_variable_means_takes_the_place_of_localhost() {
        let services: Vec<Local> = [("postgres", 0), ("redis", 3)]
            .into_iter()
            .map(|(id, known)| Local {
                id: id.to_owned(),
                known: KNOWN.get(known),
            })
            .collect();
        for (name, value, to) in [
            ("PGHOST", "localhost", Some("postgres")),
            ("DB_HOST", "127.0.0.1", Some("postgres")),
            ("REDIS_HOST", "localhost", Some("redis")),
            (
                "CACHE_URL",
                "redis://localhost:6379/1",
                Some("redis://redis:6379/1"),
            ),
            (
                "DATABASE_URL",
                "postgres://u:p@localhost/db?x=1",
                Some("postgres://u:p@postgres/db?x=1"),
            ),
            ("APP_URL", "http://localhost:3000", None),
            ("APP_HOST", "localhost", None),
            ("NOTE", "on localhost", None),
        ] {
            assert_eq!(hosted(name, value, &services).as_deref(), to, "{name}");
        }
    }
}
