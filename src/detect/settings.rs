//! Thresholds as data: what each detector lets a user set, and what a user has set.

use super::{Detector, by_id};
use std::collections::BTreeMap;

/// A threshold of a detector.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Knob {
    /// Kebab-case, unique in its detector.
    pub name: &'static str,
    /// Finite and not negative, as every value of a knob.
    pub default: f64,
    /// `ms`, `ratio`, `calls` and the like.
    pub unit: &'static str,
    /// What it does, in one line without a full stop.
    pub summary: &'static str,
}

/// What the user has set, for any detector; everything else is at its default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// By detector and knob.
    values: BTreeMap<(&'static str, &'static str), f64>,
}

impl Settings {
    /// Sets one knob of one detector.
    ///
    /// # Errors
    /// A text when there is no such detector or knob, or the value is negative or not a number.
    pub fn set(&mut self, detector: &str, knob: &str, value: f64) -> Result<(), String> {
        let found = by_id(detector).ok_or_else(|| {
            let known: Vec<&str> = super::ALL.iter().map(|detector| detector.entry().id).collect();
            format!("no detector `{detector}`; there are {}", known.join(", "))
        })?;
        let known = found.knobs().iter().find(|known| known.name == knob).ok_or_else(|| {
            let known: Vec<&str> = found.knobs().iter().map(|knob| knob.name).collect();
            format!("`{detector}` has no threshold `{knob}`; it has {}", known.join(", "))
        })?;
        if !value.is_finite() || value < 0.0 {
            return Err(format!("{detector}.{knob}: expected a number from 0 on, found {value}"));
        }
        self.values.insert((found.entry().id, known.name), value);
        Ok(())
    }

    /// Sets a knob as the command line says it: `detector.knob=value`.
    ///
    /// # Errors
    /// As [`Settings::set`], and when the text has not this form.
    pub fn set_text(&mut self, text: &str) -> Result<(), String> {
        let expected = || format!("expected DETECTOR.NAME=NUMBER, such as high-latency.factor=3, found `{text}`");
        let (name, value) = text.split_once('=').ok_or_else(expected)?;
        let (detector, knob) = name.split_once('.').ok_or_else(expected)?;
        self.set(detector, knob, value.trim().parse().map_err(|_| expected())?)
    }

    /// The values that count for a detector.
    pub fn of(&self, detector: &dyn Detector) -> Knobs {
        let id = detector.entry().id;
        let value = |knob: &Knob| self.values.get(&(id, knob.name)).copied().unwrap_or(knob.default);
        Knobs(detector.knobs().iter().map(|knob| (knob.name, value(knob))).collect())
    }
}

/// The thresholds of one detector, resolved.
#[derive(Clone, Debug, PartialEq)]
pub struct Knobs(Vec<(&'static str, f64)>);

impl Knobs {
    /// The value of a knob.
    ///
    /// # Panics
    /// If the detector has not declared it.
    pub fn get(&self, name: &str) -> f64 {
        let found = self.0.iter().find(|(known, _)| *known == name);
        found.unwrap_or_else(|| panic!("the knob `{name}` is not declared")).1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_counts_and_what_does_not_exist_is_told() {
        let detector = by_id("error-status").unwrap();
        let mut settings = Settings::default();
        assert_eq!(settings.of(detector).get("high-share"), 0.5);
        settings.set_text("error-status.high-share=0.25").unwrap();
        assert_eq!(settings.of(detector).get("high-share"), 0.25);
        for wrong in
            ["error-status", "error-status.high-share", "error-status.high-share=-1", "error-status.high-share=nan"]
        {
            assert!(settings.set_text(wrong).is_err(), "{wrong}");
        }
        assert!(settings.set_text("error-status.hgih-share=1").unwrap_err().contains("it has medium-share"));
        assert!(settings.set_text("errors.high-share=1").unwrap_err().contains("there are error-status"));
    }
}
