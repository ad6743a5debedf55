//! Ready-made rules, after OpenTelemetry's semantic conventions. Each set is a line in [`RULE_SETS`].

use super::rules::RuleText;
use crate::registry::Entry;

/// A set of rules.
pub struct RuleSet {
    pub entry: Entry,
    rules: &'static [Line],
}

/// Attributes that a span must have, and the templates f, key, input, output.
type Line = (&'static str, &'static [(&'static str, &'static str)], [&'static str; 4]);

/// Every set.
pub static RULE_SETS: &[RuleSet] = &[
    RuleSet {
        entry: Entry {
            id: "database",
            summary: "Commands of key-value stores (Redis, Valkey, Memcached) as kv operations",
            documentation: "Spans with `db.system.name` (or `db.system`) redis, valkey or memcached: `GET`, `SET` and `DEL` become \
                            `get`, `put` and `delete` on the key that `db.query.text` (or `db.statement`) names. The conventions do \
                            not record what a command answered: record it as `causet.op.output`, else each `get` is of \
                            unknown outcome, and if all are, the verdict is unknown. Commands with more words than \
                            these (`SET k v NX`), and redacted ones, can't be read and make the verdict unknown too.",
            example: "[extract]\nrule-sets = [\"database\"]",
        },
        rules: &[
            ("database get", &[SYSTEM, (OPERATION, "{GET,get}")], ["get", KEY_ALONE, "", "{causet.op.output}"]),
            ("database set", &[SYSTEM, (OPERATION, "{SET,set}")], ["put", KEY, VALUE, ""]),
            ("database delete", &[SYSTEM, (OPERATION, "{DEL,del,delete}")], ["delete", KEY_ALONE, "", ""]),
        ],
    },
    RuleSet {
        entry: Entry {
            id: "messaging",
            summary: "Messages sent and received as queue operations, one queue per destination",
            documentation: "Spans with `messaging.operation.type` (or `messaging.operation`): `send` and `publish` become `enqueue`, \
                            `receive` becomes `dequeue`, of `messaging.message.id` on `messaging.destination.name`. Spans of \
                            type `process` are not used: a message leaves its queue before they begin. Spans about several \
                            messages carry no message id, can't be read, and make the verdict unknown.",
            example: "[extract]\nrule-sets = [\"messaging\"]",
        },
        rules: &[
            ("messaging send", &[(MESSAGING, "{send,publish,create}")], ["enqueue", DESTINATION, MESSAGE, ""]),
            ("messaging receive", &[(MESSAGING, "receive")], ["dequeue", DESTINATION, "", MESSAGE]),
        ],
    },
    RuleSet {
        entry: Entry {
            id: "messaging-partitioned",
            summary: "As messaging, with one queue per partition of a destination, as in Kafka",
            documentation: "As `messaging`, with `messaging.destination.partition.id` as part of the key: order is promised in a \
                            partition, not among several.",
            example: "[extract]\nrule-sets = [\"messaging-partitioned\"]",
        },
        rules: &[
            ("partitioned send", &[(MESSAGING, "{send,publish,create}")], ["enqueue", PARTITION, MESSAGE, ""]),
            ("partitioned receive", &[(MESSAGING, "receive")], ["dequeue", PARTITION, "", MESSAGE]),
        ],
    },
];

const SYSTEM: (&str, &str) = ("db.system.name|db.system", "{redis,valkey,memcached}");
const OPERATION: &str = "db.operation.name|db.operation";
const KEY: &str = "{db.query.text|db.statement#1}";
const KEY_ALONE: &str = "{db.query.text|db.statement#1$}";
const VALUE: &str = "{db.query.text|db.statement#2$}";
const MESSAGING: &str = "messaging.operation.type|messaging.operation";
const DESTINATION: &str = "{messaging.destination.name}";
const PARTITION: &str = "{messaging.destination.name}/{messaging.destination.partition.id}";
const MESSAGE: &str = "{messaging.message.id}";

/// The rules of a set.
pub fn rule_set(id: &str) -> Option<Vec<RuleText>> {
    let set = RULE_SETS.iter().find(|set| set.entry.id == id)?;
    let template = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let rule = |(name, attributes, [f, key, input, output]): &Line| RuleText {
        name: (*name).to_owned(),
        attributes: attributes.iter().map(|(key, glob)| ((*key).to_owned(), (*glob).to_owned())).collect(),
        templates: [template(f), template(key), template(input), template(output), None, None],
        ..RuleText::default()
    };
    Some(set.rules.iter().map(rule).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::Rule;

    #[test]
    fn the_rules_of_every_set_are_rules() {
        for set in RULE_SETS {
            let texts = rule_set(set.entry.id).expect("it is in the registry");
            assert!(!texts.is_empty(), "{}", set.entry.id);
            for text in texts {
                Rule::new(&text).unwrap_or_else(|error| panic!("{}: {error:?}", text.name));
            }
        }
    }
}
