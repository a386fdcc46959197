//! Patterns in addresses: many addresses written as one, as curl and other download managers have them.
//!
//! | written | stands for |
//! |---|---|
//! | `[1-10]`, `[001-100]` | the numbers, with as many digits as the longer end where one has leading zeros |
//! | `[10-1]`, `[z-a]` | counting down |
//! | `[a-z]`, `[A-Z]` | the letters |
//! | `[0-100:10]`, `[a-z:2]` | every so manieth of them |
//! | `{iso,iso.sig}`, `{,.sig}` | each of these; one may be nothing |
//! | `\[` `\]` `\{` `\}` | the bracket itself |
//!
//! Several patterns in one address multiply; the last one changes fastest. A login is never a pattern, and
//! what has brackets but no such shape (`[::1]`, `a[]=1`, `{id}`) stays as it is.

/// The most addresses a pattern or a list may stand for.
pub const MOST_ADDRESSES: usize = 100_000;

/// The most text they may make together, in bytes: a long address times many is more than memory has.
pub(super) const MOST_BYTES: usize = 100_000_000;

/// The most characters of a pattern that are repeated in an error.
const SHOWN_CHARS: usize = 24;

/// What brackets in addresses mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Brackets {
    /// Several addresses.
    Patterns,
    /// Themselves.
    Literal,
}

impl Brackets {
    /// The addresses an address stands for.
    ///
    /// # Errors
    /// Those of [`expand`].
    pub fn expand(self, address: &str) -> Result<Vec<String>, PatternError> {
        match self {
            Self::Patterns => expand(address),
            Self::Literal => Ok(vec![address.to_owned()]),
        }
    }
}

/// Why an address with brackets in it cannot be expanded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// There is no closing bracket.
    #[error(
        "The pattern “{0}” has no end: its closing bracket is missing. You can add it, or write a \\ before \
         the opening one if no pattern is meant."
    )]
    NotClosed(String),
    /// A pattern within `{…}`.
    #[error(
        "The pattern “{0}” has another one in it, which is not understood. You can write every address out, \
         or a \\ before the inner bracket if no pattern is meant."
    )]
    Nested(String),
    /// It looks like a range and is none.
    #[error(
        "“{0}” is no range: it needs two numbers or two letters of the same case, as in [001-100] or [a-z]. \
         You can correct it, or write a \\ before the bracket if no pattern is meant."
    )]
    NoRange(String),
    /// The step is zero or no number.
    #[error("The step in “{0}” is no number from 1 on. You can write it as in [0-100:10].")]
    NoStep(String),
    /// More than 38 digits.
    #[error("The numbers in “{0}” have too many digits. You can write the digits they share before the [.")]
    LargeNumber(String),
    /// It stands for too many; `None` where their number itself is too large.
    #[error(
        "This pattern stands for {}, and at most {} can be added at once. You can take a smaller part of it.",
        addresses_in_words(*.0), grouped(MOST_ADDRESSES as u128)
    )]
    TooMany(Option<u128>),
    /// It stands for too much text.
    #[error(
        "The addresses this pattern stands for are too long to be held. You can take a smaller part of it."
    )]
    TooLong,
}

/// The addresses an address with patterns stands for; one without stands for itself.
///
/// # Errors
/// Says what is wrong with a pattern, or how many addresses it would be where that is more than
/// [`MOST_ADDRESSES`]. No error repeats a login.
pub fn expand(address: &str) -> Result<Vec<String>, PatternError> {
    let pieces = pieces(address)?;
    // Before anything is made of it: [1-999999999] must cost nothing.
    let count = pieces.iter().try_fold(1_u128, |count, piece| count.checked_mul(piece.count()?));
    let count = count.filter(|count| *count <= MOST_ADDRESSES as u128).ok_or(PatternError::TooMany(count))?;
    let longest = pieces.iter().map(Piece::longest).sum::<usize>();
    if count.saturating_mul(longest as u128) > MOST_BYTES as u128 {
        return Err(PatternError::TooLong);
    }
    Ok((0..count).map(|index| nth(&pieces, index)).collect())
}

/// A part of an address.
enum Piece {
    Text(String),
    Range { first: u128, last: u128, step: u128, form: Form },
    Words(Vec<String>),
}

/// How the numbers of a range are written.
#[derive(Clone, Copy)]
enum Form {
    /// In decimal, with at least that many digits.
    Number { digits: usize },
    /// As the letter of that code.
    Letter,
}

impl Piece {
    /// How many texts it stands for; `None` where that is beyond counting.
    fn count(&self) -> Option<u128> {
        match self {
            Self::Text(_) => Some(1),
            Self::Range { first, last, step, .. } => (first.abs_diff(*last) / step).checked_add(1),
            Self::Words(words) => Some(words.len() as u128),
        }
    }

    /// The bytes of its longest text, at most.
    fn longest(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            // 39 is what the largest number has.
            Self::Range { form: Form::Number { digits }, .. } => (*digits).max(39),
            Self::Range { form: Form::Letter, .. } => 1,
            Self::Words(words) => words.iter().map(String::len).max().unwrap_or(0),
        }
    }

    /// Appends its text of that index, which is below its count.
    fn write(&self, index: u128, to: &mut String) {
        match self {
            Self::Text(text) => to.push_str(text),
            Self::Words(words) => to.push_str(&words[index as usize]),
            Self::Range { first, last, step, form } => {
                let way = index * step;
                let number = if first <= last { first + way } else { first - way };
                match form {
                    Form::Number { digits } => {
                        let number = number.to_string();
                        to.extend(std::iter::repeat_n('0', digits.saturating_sub(number.len())));
                        to.push_str(&number);
                    }
                    Form::Letter => to.push(char::from(number as u8)),
                }
            }
        }
    }
}

/// The address of that index: a number whose digits, the last one fastest, are the choices of the pieces.
fn nth(pieces: &[Piece], index: u128) -> String {
    let mut rest = index;
    let mut choices: Vec<u128> = Vec::with_capacity(pieces.len());
    for piece in pieces.iter().rev() {
        let count = piece.count().unwrap_or(1);
        choices.push(rest % count);
        rest /= count;
    }
    let mut address = String::new();
    for (piece, choice) in pieces.iter().zip(choices.iter().rev()) {
        piece.write(*choice, &mut address);
    }
    address
}

fn pieces(address: &str) -> Result<Vec<Piece>, PatternError> {
    let (login, mut rest) = address.split_at(after_login(address));
    let mut text = login.to_owned();
    let mut pieces = Vec::new();
    while let Some(at) = rest.find(['\\', '[', '{']) {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(bracket) = escaped(rest) {
            text.push(bracket);
            rest = &rest[2..];
            continue;
        }
        let found = match rest.as_bytes().first() {
            Some(b'[') => range_at(rest)?,
            Some(b'{') => words_at(rest)?,
            _ => None,
        };
        if let Some((piece, bytes)) = found {
            pieces.push(Piece::Text(std::mem::take(&mut text)));
            pieces.push(piece);
            rest = &rest[bytes..];
        } else {
            text.push_str(&rest[..1]);
            rest = &rest[1..];
        }
    }
    text.push_str(rest);
    pieces.push(Piece::Text(text));
    Ok(pieces)
}

/// Where the login of an address ends. A password may have any characters, and none of it is a pattern.
fn after_login(address: &str) -> usize {
    let Some(start) = address.find("://").map(|at| at + 3) else { return 0 };
    let host = &address[start..];
    let host = &host[..host.find(['/', '?', '#']).unwrap_or(host.len())];
    host.rfind('@').map_or(0, |at| start + at + 1)
}

/// The bracket a text begins with, if a backslash makes it a plain one.
fn escaped(text: &str) -> Option<char> {
    text.strip_prefix('\\')?.chars().next().filter(|c| matches!(c, '[' | ']' | '{' | '}'))
}

/// The range a text that starts with `[` begins with, and its length in bytes; none where it is no pattern.
fn range_at(text: &str) -> Result<Option<(Piece, usize)>, PatternError> {
    let inside = &text[1..];
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | ':');
    let (body, after) = inside.split_at(inside.find(|c| !is_part(c)).unwrap_or(inside.len()));
    let (range, step) = body.split_once(':').map_or((body, None), |(range, step)| (range, Some(step)));
    let Some((from, to)) = range.split_once('-') else { return Ok(None) };
    // “[x-large]” and “[2026-01-31]” are no mistyped ranges; an address may have them.
    if !is_end(from) || !to.is_empty() && !is_end(to) {
        return Ok(None);
    }
    if !after.starts_with(']') {
        let end = after.find([']', '[', '/']).filter(|at| after[*at..].starts_with(']'));
        return Err(match end {
            Some(at) => PatternError::NoRange(shown(text, body.len() + at + 2)),
            None => PatternError::NotClosed(shown(text, body.len() + 1)),
        });
    }
    let bytes = body.len() + 2;
    let shown = || shown(text, bytes);
    let step = match step.map(str::parse) {
        None => 1,
        Some(Ok(step)) if step > 0 => step,
        Some(_) => return Err(PatternError::NoStep(shown())),
    };
    let is = |test: fn(&u8) -> bool| from.bytes().chain(to.bytes()).all(|byte| test(&byte)) && !to.is_empty();
    if is(u8::is_ascii_digit) {
        let number = |digits: &str| digits.parse().map_err(|_| PatternError::LargeNumber(shown()));
        let has_zeros = [from, to].iter().any(|digits| digits.len() > 1 && digits.starts_with('0'));
        let digits = if has_zeros { from.len().max(to.len()) } else { 0 };
        let form = Form::Number { digits };
        Ok(Some((Piece::Range { first: number(from)?, last: number(to)?, step, form }, bytes)))
    } else if is(u8::is_ascii_lowercase) || is(u8::is_ascii_uppercase) {
        let code = |letter: &str| letter.bytes().next().map_or(0, u128::from);
        Ok(Some((Piece::Range { first: code(from), last: code(to), step, form: Form::Letter }, bytes)))
    } else {
        Err(PatternError::NoRange(shown()))
    }
}

/// Whether a text could be the end of a range: a number or a letter.
fn is_end(text: &str) -> bool {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number || text.len() == 1 && text.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// The alternatives a text that starts with `{` begins with, and their length in bytes; none where it is no
/// pattern.
fn words_at(text: &str) -> Result<Option<(Piece, usize)>, PatternError> {
    let mut words = vec![String::new()];
    let mut at = 1;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        if let Some((bracket, word)) = escaped(rest).zip(words.last_mut()) {
            word.push(bracket);
            at += 2;
            continue;
        }
        match c {
            // JSON, which must not be torn into pieces.
            '"' => return Ok(None),
            '}' if words.len() == 1 => return Ok(None),
            '}' => return Ok(Some((Piece::Words(words), at + 1))),
            '{' if words.len() == 1 => return Ok(None),
            '{' => return Err(PatternError::Nested(shown(text, at + 1))),
            '[' if !matches!(range_at(rest), Ok(None)) => {
                return Err(PatternError::Nested(shown(text, at + 1)));
            }
            ',' => words.push(String::new()),
            _ => {
                if let Some(word) = words.last_mut() {
                    word.push(c);
                }
            }
        }
        at += c.len_utf8();
    }
    if words.len() == 1 { Ok(None) } else { Err(PatternError::NotClosed(shown(text, text.len()))) }
}

/// The first bytes of a text for an error. If an @ follows, it could be a login that was mistyped.
fn shown(text: &str, bytes: usize) -> String {
    let end = if text.contains('@') { 1 } else { bytes };
    let mut shown: String = text[..end].chars().take(SHOWN_CHARS).collect();
    if shown.len() < bytes {
        shown.push('…');
    }
    shown
}

fn addresses_in_words(count: Option<u128>) -> String {
    count.map_or_else(
        || "more addresses than can be counted".to_owned(),
        |count| format!("{} addresses", grouped(count)),
    )
}

/// A number with a comma after every three digits.
pub(super) fn grouped(number: u128) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use url::Url;

    use super::*;

    #[test]
    fn patterns_are_expanded() {
        let table: [(&str, &[&str]); 19] = [
            ("", &[""]),
            ("http://a/f", &["http://a/f"]),
            ("[8-11]", &["8", "9", "10", "11"]),
            ("[08-11]", &["08", "09", "10", "11"]),
            ("[098-101]", &["098", "099", "100", "101"]),
            ("[8-011]", &["008", "009", "010", "011"]),
            ("[0-2]", &["0", "1", "2"]),
            ("[1-10:4]", &["1", "5", "9"]),
            ("[3-1]", &["3", "2", "1"]),
            ("[010-1:5]", &["010", "005"]),
            ("[5-5:9]", &["5"]),
            ("[a-d]", &["a", "b", "c", "d"]),
            ("[C-A]", &["C", "B", "A"]),
            ("[A-Z:10]", &["A", "K", "U"]),
            ("x{a,b c,}y", &["xay", "xb cy", "xy"]),
            ("f.iso{,.sig}", &["f.iso", "f.iso.sig"]),
            ("[1-2]/{a,b}", &["1/a", "1/b", "2/a", "2/b"]),
            ("s[1-2].o/\\[1-2\\]\\{a,b\\}", &["s1.o/[1-2]{a,b}", "s2.o/[1-2]{a,b}"]),
            ("{a\\},\\{b\\[1-2\\]}", &["a}", "{b[1-2]"]),
        ];
        for (address, expected) in table {
            let expected: Vec<_> = expected.iter().map(|text| (*text).to_owned()).collect();
            assert_eq!(expand(address), Ok(expected), "{address}");
        }
        assert_eq!(expand("[1-1000]/{a,b}[a-z]").map(|all| all.len()), Ok(52_000));
    }

    #[test]
    fn what_is_no_pattern_stays() {
        let table = [
            "http://[::1]/f",
            "http://[fe80::a:1]:8080/f",
            "http://me:p[1-2]{a,b}\\[@a.org/f",
            "http://a/f?a[]=1&b[0]=2&c[x]=3",
            "http://a/[x-large]/[2026-01-31]/[-5]/[-]/[1]",
            "http://a/{id}/{}/{",
            "http://a/x[y",
            "http://a/]}",
            "http://a/?q={\"a\":1,\"b\":{\"c\":2,\"d\":[1,2]}}",
            "a\\b\\",
        ];
        for address in table {
            assert_eq!(expand(address), Ok(vec![address.to_owned()]));
        }
        let around = ["http://[::1]/1", "http://[::1]/2"].map(String::from);
        assert_eq!(expand("http://[::1]/[1-2]"), Ok(around.to_vec()));
        assert_eq!(expand("x[{a,b}]"), Ok(vec!["x[a]".to_owned(), "x[b]".to_owned()]));
        assert_eq!(expand("{{a,b}}"), Ok(vec!["{a}".to_owned(), "{b}".to_owned()]));
    }

    type Case = (&'static str, fn(String) -> PatternError, &'static str);

    #[test]
    fn mistyped_patterns_are_said() {
        let (not_closed, nested) = (PatternError::NotClosed, PatternError::Nested);
        let (no_range, no_step) = (PatternError::NoRange, PatternError::NoStep);
        let table: [Case; 18] = [
            ("http://a/[5-", not_closed, "[5-"),
            ("http://a/[1-5/f", not_closed, "[1-5"),
            ("http://a/[a-/f]", not_closed, "[a-"),
            ("http://a/[1-5[6-7]", not_closed, "[1-5"),
            ("http://a/[1-3,5]", no_range, "[1-3,5]"),
            ("http://a/{a,b", not_closed, "{a,b"),
            ("http://a/{a,", not_closed, "{a,"),
            ("{a,{b,c}}", nested, "{a,{"),
            ("{a,[1-2]}", nested, "{a,["),
            ("[5-]", no_range, "[5-]"),
            ("[a-Z]", no_range, "[a-Z]"),
            ("[a-5]", no_range, "[a-5]"),
            ("[1-a]", no_range, "[1-a]"),
            ("[1-5:0]", no_step, "[1-5:0]"),
            ("[1-5:]", no_step, "[1-5:]"),
            ("[1-5:x]", no_step, "[1-5:x]"),
            ("[1-5:2:3]", no_step, "[1-5:2:3]"),
            ("[a-c:b]", no_step, "[a-c:b]"),
        ];
        for (address, error, shown) in table {
            assert_eq!(expand(address), Err(error(shown.to_owned())), "{address}");
        }
    }

    #[test]
    fn too_many_are_counted_and_not_made() {
        let many = |count| Err(PatternError::TooMany(Some(count)));
        assert_eq!(expand("[1-100001]"), many(100_001));
        assert_eq!(expand("[1-1000]/[1-1000]/{a,b}"), many(2_000_000));
        assert_eq!(expand("[0-99999]").map(|all| all.len()), Ok(MOST_ADDRESSES));
        let most = u128::MAX;
        assert_eq!(expand(&format!("[0-{most}]")), Err(PatternError::TooMany(None)));
        assert_eq!(expand(&format!("[1-{most}][1-2]")), Err(PatternError::TooMany(None)));
        assert_eq!(
            expand(&format!("[{}-{most}]", most - 1)),
            Ok(vec![(most - 1).to_string(), most.to_string()])
        );
        assert!(matches!(expand(&format!("[1-{most}0]")), Err(PatternError::LargeNumber(_))));
        assert_eq!(expand(&format!("{}[1-90000]", "x".repeat(60_000))), Err(PatternError::TooLong));
        assert_eq!(expand(&format!("[{:0>50000}-9999]", 1)), Err(PatternError::TooLong));
        assert_eq!(
            PatternError::TooMany(Some(2_000_000)).to_string(),
            "This pattern stands for 2,000,000 addresses, and at most 100,000 can be added at once. You can \
             take a smaller part of it."
        );
    }

    #[test]
    fn no_login_is_repeated() {
        for address in ["http://me:a/{hunter2,x@o/", "me[1-hunter2{a,hunter2@o", "http:me:[h-{hunter2,@o"] {
            let error = expand(address).expect_err(address).to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
        let error = expand("http://a/[5-").expect_err("an error").to_string();
        assert!(error.starts_with("The pattern “[5-” has no end"), "{error}");
    }

    /// A pattern and how many it stands for.
    fn pattern() -> impl Strategy<Value = (String, usize)> {
        let numbers = (0..300_usize, 0..40_usize, 1..5_usize, 0..5_usize, any::<bool>()).prop_map(
            |(first, way, step, digits, down)| {
                let (from, to) = if down { (first + way, first) } else { (first, first + way) };
                (format!("[{from:0digits$}-{to:0digits$}:{step}]"), way / step + 1)
            },
        );
        let letters = ("[a-z]", "[a-z]").prop_map(|(from, to)| {
            let code = |letter: &str| usize::from(letter.as_bytes()[0]);
            (format!("[{from}-{to}]"), code(&from).abs_diff(code(&to)) + 1)
        });
        let words = proptest::collection::vec("[a-z0-9.]{0,5}", 2..6)
            .prop_map(|words| (format!("{{{}}}", words.join(",")), words.len()));
        let text = "[a-z0-9/._-]{0,6}".prop_map(|text| (text, 1));
        prop_oneof![numbers, letters, words, text]
    }

    proptest! {
        #[test]
        fn patterns_multiply(parts in proptest::collection::vec(pattern(), 0..5)) {
            let count: usize = parts.iter().map(|(_, count)| count).product();
            let parts: String = parts.into_iter().map(|(part, _)| part).collect();
            match expand(&format!("http://a.org/{parts}")) {
                Ok(all) => {
                    prop_assert_eq!(all.len(), count);
                    for address in all {
                        prop_assert!(!address.contains(['[', ']', '{', '}']), "{}", address);
                        prop_assert!(Url::parse(&address).is_ok(), "{}", address);
                    }
                }
                Err(error) => prop_assert_eq!(error, PatternError::TooMany(Some(count as u128))),
            }
        }

        #[test]
        fn nothing_makes_it_panic(text in "(\\PC|[\\[\\]{}:,\\\\0-9a-c@/-]){0,40}") {
            if let Ok(all) = expand(&text) {
                prop_assert!(!all.is_empty() && all.len() <= MOST_ADDRESSES);
            }
        }
    }
}
