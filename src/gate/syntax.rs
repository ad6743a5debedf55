//! The grammar of expectations: calls, texts, numbers with units, comparisons, `and`, `or`, `not`.
//!
//! ```text
//! or      = and { "or" and }
//! and     = not { "and" not }
//! not     = "not" not | compare
//! compare = value [ ("<" | "<=" | ">" | ">=" | "==" | "!=" | "~") value ]
//! value   = name [ "(" [ or { "," or } ] ")" ] | text | number [unit | "%"] | "(" or ")"
//! ```
//!
//! Every node knows the byte at which it begins.

/// A node of the tree.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its first byte.
    pub at: usize,
    pub kind: Kind,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    Or(Vec<Node>),
    And(Vec<Node>),
    Not(Box<Node>),
    Compare(Operator, Box<Node>, Box<Node>),
    /// A name with its arguments, if any.
    Call(String, Vec<Node>),
    Text(String),
    /// A number and its unit, which may be empty.
    Number(f64, String),
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Less,
    AtMost,
    Greater,
    AtLeast,
    Equal,
    NotEqual,
    /// A glob that matches.
    Like,
}

impl Operator {
    /// As it is written.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Like => "~",
        }
    }

    /// Whether numbers stand to each other like this.
    pub fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Less => left < right,
            Self::AtMost => left <= right,
            Self::Greater => left > right,
            Self::AtLeast => left >= right,
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::Like => false,
        }
    }
}

/// What is wrong, and at which byte.
pub type Wrong = (usize, String);

/// How deep calls and parentheses may nest.
const DEEPEST: usize = 64;

/// Reads a whole expression.
///
/// # Errors
/// What was expected, and where.
pub fn parse(text: &str) -> Result<Node, Wrong> {
    let mut parser = Parser { tokens: tokens(text)?, next: 0, end: text.len(), depth: 0 };
    let node = parser.or()?;
    match parser.peek() {
        None => Ok(node),
        Some((at, token)) => {
            Err((*at, format!("expected the end, `and`, `or` or a comparison, found {}", token.show())))
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Name(String),
    Text(String),
    Number(f64, String),
    Sign(&'static str),
}

impl Token {
    fn show(&self) -> String {
        match self {
            Self::Name(name) => format!("`{name}`"),
            Self::Text(text) => format!("{text:?}"),
            Self::Number(number, unit) => format!("`{number}{unit}`"),
            Self::Sign(sign) => format!("`{sign}`"),
        }
    }
}

/// The longer ones first.
const SIGNS: [&str; 11] = ["<=", ">=", "==", "!=", "<", ">", "~", "(", ")", ",", "="];

fn tokens(text: &str) -> Result<Vec<(usize, Token)>, Wrong> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        let taken = |allowed: fn(char) -> bool| rest.find(|c| !allowed(c)).unwrap_or(rest.len());
        let (token, length) = if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        } else if first == '"' || first == '\'' {
            let end = rest[1..].find(first).ok_or_else(|| (at, "a text that does not end".to_owned()))?;
            (Token::Text(rest[1..=end].to_owned()), end + 2)
        } else if first.is_ascii_digit() {
            let digits = taken(|c| c.is_ascii_digit() || c == '.' || c == '_');
            let unit = rest[digits..].find(|c: char| !(c.is_alphabetic() || c == '%')).unwrap_or(rest.len() - digits);
            let number = rest[..digits].replace('_', "");
            let number = number.parse().map_err(|_| (at, format!("`{}` is no number", &rest[..digits])))?;
            // `1 %`, as reports write it.
            let after = rest[digits..].trim_start();
            if unit == 0 && after.starts_with('%') {
                (Token::Number(number, "%".to_owned()), rest.len() - after.len() + 1)
            } else {
                (Token::Number(number, rest[digits..digits + unit].to_owned()), digits + unit)
            }
        } else if first.is_alphabetic() || first == '_' {
            let length = taken(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-'));
            (Token::Name(rest[..length].to_owned()), length)
        } else if let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
            if sign == "=" {
                return Err((at, "`=` compares nothing; write `==`".to_owned()));
            }
            (Token::Sign(sign), sign.len())
        } else {
            return Err((at, format!("`{first}` means nothing here")));
        };
        tokens.push((at, token));
        at += length;
    }
    Ok(tokens)
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    next: usize,
    end: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> Option<&(usize, Token)> {
        self.tokens.get(self.next)
    }

    fn at(&self) -> usize {
        self.peek().map_or(self.end, |(at, _)| *at)
    }

    fn takes(&mut self, token: &Token) -> bool {
        let found = self.peek().is_some_and(|(_, next)| next == token);
        self.next += usize::from(found);
        found
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let is_word = |(_, token): &(usize, Token)| matches!(token, Token::Name(name) if name == word);
        let found = self.peek().is_some_and(is_word);
        self.next += usize::from(found);
        found
    }

    fn expect(&mut self, sign: &'static str) -> Result<(), Wrong> {
        if self.takes(&Token::Sign(sign)) {
            return Ok(());
        }
        let found = self.peek().map_or("the end".to_owned(), |(_, token)| token.show());
        Err((self.at(), format!("expected `{sign}`, found {found}")))
    }

    fn or(&mut self) -> Result<Node, Wrong> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err((self.at(), format!("nested deeper than {DEEPEST}")));
        }
        let node = self.chain("or", Kind::Or, Self::and);
        self.depth -= 1;
        node
    }

    fn and(&mut self) -> Result<Node, Wrong> {
        self.chain("and", Kind::And, Self::not)
    }

    fn chain(
        &mut self,
        word: &str,
        kind: fn(Vec<Node>) -> Kind,
        part: fn(&mut Self) -> Result<Node, Wrong>,
    ) -> Result<Node, Wrong> {
        let at = self.at();
        let first = part(self)?;
        let mut parts = vec![first];
        while self.takes_word(word) {
            parts.push(part(self)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Node { at, kind: kind(parts) } })
    }

    fn not(&mut self) -> Result<Node, Wrong> {
        let at = self.at();
        let mut times = 0;
        while self.takes_word("not") {
            times += 1;
        }
        let inner = self.compare()?;
        Ok(if times % 2 == 0 { inner } else { Node { at, kind: Kind::Not(Box::new(inner)) } })
    }

    fn compare(&mut self) -> Result<Node, Wrong> {
        let left = self.value()?;
        let operator = match self.peek() {
            Some((_, Token::Sign("<"))) => Operator::Less,
            Some((_, Token::Sign("<="))) => Operator::AtMost,
            Some((_, Token::Sign(">"))) => Operator::Greater,
            Some((_, Token::Sign(">="))) => Operator::AtLeast,
            Some((_, Token::Sign("=="))) => Operator::Equal,
            Some((_, Token::Sign("!="))) => Operator::NotEqual,
            Some((_, Token::Sign("~"))) => Operator::Like,
            _ => return Ok(left),
        };
        self.next += 1;
        let right = self.value()?;
        Ok(Node { at: left.at, kind: Kind::Compare(operator, Box::new(left), Box::new(right)) })
    }

    fn value(&mut self) -> Result<Node, Wrong> {
        let at = self.at();
        let Some((_, token)) = self.peek().cloned() else {
            return Err((at, "expected a name, a text or a number, found the end".to_owned()));
        };
        self.next += 1;
        let kind = match token {
            Token::Text(text) => Kind::Text(text),
            Token::Number(number, unit) => Kind::Number(number, unit),
            Token::Name(name) if matches!(&*name, "and" | "or" | "not") => {
                return Err((at, format!("expected a name, a text or a number, found `{name}`")));
            }
            Token::Name(name) => {
                let mut arguments = Vec::new();
                if self.takes(&Token::Sign("(")) && !self.takes(&Token::Sign(")")) {
                    arguments.push(self.or()?);
                    while self.takes(&Token::Sign(",")) {
                        arguments.push(self.or()?);
                    }
                    self.expect(")")?;
                }
                Kind::Call(name, arguments)
            }
            Token::Sign("(") => {
                let inner = self.or()?;
                self.expect(")")?;
                return Ok(inner);
            }
            Token::Sign(sign) => return Err((at, format!("expected a name, a text or a number, found `{sign}`"))),
        };
        Ok(Node { at, kind })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (text, at, message) in [
            ("", 0, "expected a name, a text or a number, found the end"),
            ("errors.rate <", 13, "expected a name, a text or a number, found the end"),
            ("errors.rate = 1", 12, "`=` compares nothing; write `==`"),
            ("service(\"a\" and", 15, "expected a name, a text or a number, found the end"),
            ("service(\"a\"", 11, "expected `)`, found the end"),
            ("unbroken() unbroken()", 11, "expected the end, `and`, `or` or a comparison, found `unbroken`"),
            ("a < 'b", 4, "a text that does not end"),
            ("a < 1.2.3", 4, "`1.2.3` is no number"),
            ("a ; b", 2, "`;` means nothing here"),
        ] {
            assert_eq!(parse(text), Err((at, message.to_owned())), "{text}");
        }
        assert!(parse(&"(".repeat(100_000)).unwrap_err().1.contains("nested deeper"));
        assert!(parse(&format!("{}unbroken()", "not ".repeat(100_001))).is_ok());
    }

    #[test]
    fn words_bind_as_people_read_them() {
        let node = parse("not a and b or c < 5ms").unwrap();
        let Kind::Or(parts) = node.kind else { panic!("{node:?}") };
        assert!(matches!(&parts[0].kind, Kind::And(parts) if matches!(parts[0].kind, Kind::Not(_))));
        assert!(matches!(&parts[1].kind, Kind::Compare(Operator::Less, _, right)
            if right.kind == Kind::Number(5.0, "ms".into())));
    }
}
