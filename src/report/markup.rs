//! Text inside XML and HTML.

use super::printable::is_wild;

/// The text with what has a meaning in markup escaped, and what may not stand in XML replaced.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(c),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c if is_wild(c) => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// At most this many characters of a text.
pub(super) fn shorten(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_comes_in_ends_a_tag() {
        assert_eq!(escape("</script>\u{0}\u{1b}\"'&"), "&lt;/script&gt;\u{fffd}\u{fffd}&quot;&#39;&amp;");
        assert_eq!(escape("a\u{202e}b\u{2028}c\n"), "a\u{fffd}b\u{fffd}c\n");
        assert_eq!((shorten("abc", 3), shorten("abcd", 3)), ("abc".to_owned(), "ab…".to_owned()));
    }
}
