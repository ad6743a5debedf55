//! From `[extract]` in the configuration to the rules of [`crate::extract`].

use crate::config::{Loaded, suggest};
use crate::extract::{self, Rule, RuleText, TEMPLATES};
use crate::outcome::InputError;

/// The configured rules, after those of the sets that are asked for.
///
/// # Errors
/// A set that does not exist, or a rule that is none.
pub fn rules(loaded: &Loaded) -> Result<Vec<Rule>, Vec<InputError>> {
    let (mut rules, mut errors) = (Vec::new(), Vec::new());
    let extract = &loaded.config.extract;
    for set in &extract.rule_sets {
        match extract::rule_set(set.as_ref()) {
            Some(texts) => rules.extend(texts.iter().map(|text| Rule::new(text).expect("our own rules are rules"))),
            None => {
                let known = extract::RULE_SETS.iter().map(|set| set.entry.id);
                let message = format!("no rule set `{}`{}", set.as_ref(), suggest(set.as_ref(), known));
                errors.push(loaded.error(&set.span(), message));
            }
        }
    }
    for (at, rule) in extract.rules.iter().enumerate() {
        let (span, rule) = (rule.span(), rule.as_ref());
        let text = RuleText {
            name: rule.name.clone().unwrap_or_else(|| format!("rule {} of {}", at + 1, loaded.path.display())),
            span: rule.span.clone(),
            service: rule.service.clone(),
            kind: rule.kind.map(|kind| kind.id().to_owned()),
            attributes: rule.attributes.clone().into_iter().collect(),
            templates: [
                Some(rule.f.clone()),
                rule.key.clone(),
                rule.input.clone(),
                rule.output.clone(),
                rule.status.clone(),
                rule.process.clone(),
            ],
        };
        if rule.span.is_none() && rule.service.is_none() && rule.kind.is_none() && rule.attributes.is_empty() {
            let message = "this rule would take every span; give it span, service, kind or attributes";
            errors.push(loaded.error(&span, message));
            continue;
        }
        match Rule::new(&text) {
            Ok(rule) => rules.push(rule),
            Err((field, message)) => {
                let field = TEMPLATES.get(field).map_or(String::new(), |name| format!("`{name}`: "));
                errors.push(loaded.error(&span, format!("{field}{message}")));
            }
        }
    }
    if errors.is_empty() { Ok(rules) } else { Err(errors) }
}
