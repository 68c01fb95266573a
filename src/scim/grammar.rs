//! The grammar of filters (RFC 7644 figure 1).
//!
//! It is read as written, with two liberties that change no meaning: more than one blank where one is asked for, and
//! blanks inside parentheses and brackets.

use serde_json::Number;
use winnow::ascii::Caseless;
use winnow::combinator::{alt, delimited, eof, opt, peek, preceded, repeat};
use winnow::error::{AddContext, ErrMode, ParserError};
use winnow::prelude::*;
use winnow::stream::{LocatingSlice, Location, Stream};
use winnow::token::{any, none_of, one_of, take_while};

use super::filter::{Comparison, Filter, Literal};
use super::path::{AttrPath, SyntaxError};

/// How many parentheses and negations may stand inside each other before a filter is refused.
const MAX_DEPTH: usize = 32;

type Input<'a> = LocatingSlice<&'a str>;
type Read<T> = ModalResult<T, Fault>;

/// A [`SyntaxError`] in the making: the innermost message wins.
#[derive(Debug, Clone)]
struct Fault {
    offset: usize,
    message: Option<String>,
}

impl<'a> ParserError<Input<'a>> for Fault {
    type Inner = Self;

    fn from_input(input: &Input<'a>) -> Self {
        Fault { offset: input.current_token_start(), message: None }
    }

    fn into_inner(self) -> Result<Self, Self> {
        Ok(self)
    }
}

impl<'a> AddContext<Input<'a>, &'static str> for Fault {
    fn add_context(mut self, _: &Input<'a>, _: &<Input<'a> as Stream>::Checkpoint, message: &'static str) -> Self {
        self.message.get_or_insert_with(|| message.to_owned());
        self
    }
}

impl From<ErrMode<Fault>> for SyntaxError {
    fn from(mode: ErrMode<Fault>) -> Self {
        let (offset, message) = match mode {
            ErrMode::Backtrack(fault) | ErrMode::Cut(fault) => (fault.offset, fault.message),
            ErrMode::Incomplete(_) => (0, None),
        };
        SyntaxError::new(offset, message.unwrap_or_else(|| "the filter is malformed".to_owned()))
    }
}

/// Where in a filter the parser is.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    depth: usize,
    bracketed: bool,
}

/// A text that is one filter.
pub(super) fn whole(text: &str) -> Result<Filter, SyntaxError> {
    let mut input = LocatingSlice::new(text);
    let filter = disjunction(&mut input, Place::default())?;
    preceded(blanks, eof).context("expected `and`, `or` or the end").parse_next(&mut input)?;
    Ok(filter)
}

/// A filter up to its closing bracket, and how many bytes both take.
pub(super) fn bracketed(text: &str) -> Result<(Filter, usize), SyntaxError> {
    let mut input = LocatingSlice::new(text);
    let filter = disjunction(&mut input, Place { bracketed: true, ..Place::default() })?;
    close(&mut input, ']')?;
    Ok((filter, input.current_token_start()))
}

/// `or` binds most loosely.
fn disjunction(input: &mut Input<'_>, place: Place) -> Read<Filter> {
    let mut terms = vec![conjunction(input, place)?];
    while junction(input, "or")? {
        terms.push(conjunction(input, place)?);
    }
    Ok(single(terms).unwrap_or_else(Filter::Or))
}

fn conjunction(input: &mut Input<'_>, place: Place) -> Read<Filter> {
    let mut terms = vec![term(input, place)?];
    while junction(input, "and")? {
        terms.push(term(input, place)?);
    }
    Ok(single(terms).unwrap_or_else(Filter::And))
}

fn single(mut terms: Vec<Filter>) -> Result<Filter, Vec<Filter>> {
    match terms.pop() {
        Some(only) if terms.is_empty() => Ok(only),
        Some(last) => {
            terms.push(last);
            Err(terms)
        }
        None => Err(terms),
    }
}

fn junction(input: &mut Input<'_>, word: &'static str) -> Read<bool> {
    opt((blank, blanks, Caseless(word), peek(blank))).map(|found| found.is_some()).parse_next(input)
}

fn term(input: &mut Input<'_>, place: Place) -> Read<Filter> {
    blanks(input)?;
    if place.depth > MAX_DEPTH {
        let offset = input.current_token_start();
        return Err(ErrMode::Cut(Fault { offset, message: Some("the filter nests too deeply".to_owned()) }));
    }
    let deeper = Place { depth: place.depth + 1, ..place };
    // An attribute may be called "not": only the parenthesis makes it a negation.
    if opt((Caseless("not"), blanks, '(')).parse_next(input)?.is_some() {
        let inner = disjunction(input, deeper)?;
        close(input, ')')?;
        return Ok(Filter::Not(Box::new(inner)));
    }
    if opt('(').parse_next(input)?.is_some() {
        let inner = disjunction(input, deeper)?;
        close(input, ')')?;
        return Ok(inner);
    }
    let path = attribute(input)?;
    if !place.bracketed && opt('[').parse_next(input)?.is_some() {
        let inner = disjunction(input, Place { bracketed: true, ..deeper })?;
        close(input, ']')?;
        return Ok(Filter::ValuePath(path, Box::new(inner)));
    }
    expression(input, path)
}

/// What may follow an attribute: `pr`, or an operator and a literal.
fn expression(input: &mut Input<'_>, path: AttrPath) -> Read<Filter> {
    (blank, blanks).context("expected a blank and an operator").parse_next(input)?;
    let operator = alt((
        Caseless("pr").value(None),
        two_letters
            .verify_map(|word| Comparison::ALL.into_iter().find(|c| word.eq_ignore_ascii_case(c.as_str())))
            .map(Some),
    ))
    .context("expected an operator")
    .parse_next(input)?;
    let Some(comparison) = operator else { return Ok(Filter::Present(path)) };
    (blank, blanks).context("expected a blank and a value").parse_next(input)?;
    let value = alt((text, number, keyword))
        .context("expected a JSON string, number, true, false or null")
        .parse_next(input)?;
    Ok(Filter::Compare(path, comparison, value))
}

fn attribute(input: &mut Input<'_>) -> Read<AttrPath> {
    let start = input.current_token_start();
    let token = take_while(1.., |c: char| !c.is_whitespace() && !"()[]\"".contains(c))
        .context("expected an attribute")
        .parse_next(input)?;
    AttrPath::parse(token).map_err(|e| ErrMode::Cut(Fault { offset: start + e.offset, message: Some(e.message) }))
}

fn two_letters<'a>(input: &mut Input<'a>) -> Read<&'a str> {
    take_while(2, |c: char| c.is_ascii_alphabetic()).parse_next(input)
}

fn text(input: &mut Input<'_>) -> Read<Literal> {
    let escaped = ('\\', any).void();
    let plain = none_of(['"', '\\']).void();
    let inside = repeat::<_, _, (), _, _>(0.., alt((plain, escaped)));
    delimited('"', inside, '"')
        .take()
        .verify_map(|token: &str| serde_json::from_str(token).ok().map(Literal::String))
        .parse_next(input)
}

fn number(input: &mut Input<'_>) -> Read<Literal> {
    take_while(1.., |c: char| c.is_ascii_digit() || "+-.eE".contains(c))
        .verify_map(|token: &str| serde_json::from_str::<Number>(token).ok().map(Literal::Number))
        .parse_next(input)
}

fn keyword(input: &mut Input<'_>) -> Read<Literal> {
    alt(("true".value(Literal::Boolean(true)), "false".value(Literal::Boolean(false)), "null".value(Literal::Null)))
        .parse_next(input)
}

fn blank(input: &mut Input<'_>) -> Read<()> {
    one_of(' ').void().parse_next(input)
}

fn blanks(input: &mut Input<'_>) -> Read<()> {
    take_while(0.., ' ').void().parse_next(input)
}

fn close(input: &mut Input<'_>, bracket: char) -> Read<()> {
    let message = if bracket == ')' { "expected `and`, `or` or `)`" } else { "expected `and`, `or` or `]`" };
    (blanks, bracket).void().context(message).parse_next(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `expected` is the filter as it prints, or the offset of the error.
    fn check(text: &str, expected: Result<&str, usize>) {
        let outcome = whole(text).map(|f| f.to_string()).map_err(|e| e.offset);
        assert_eq!(outcome, expected.map(str::to_owned), "{text}");
    }

    #[test]
    fn expressions() {
        check(r#"userName eq "bjensen""#, Ok(r#"userName eq "bjensen""#));
        check(r#"USERNAME Eq "a\"b\\\u00e9""#, Ok(r#"USERNAME eq "a\"b\\é""#));
        check("title PR", Ok("title pr"));
        check("  title   pr  ", Ok("title pr"));
        check("active ne true", Ok("active ne true"));
        check("n ge -1.5e3", Ok("n ge -1500.0"));
        check("n le 10", Ok("n le 10"));
        check("manager eq null", Ok("manager eq null"));
        check("urn:x:2.0:User:name.familyName sw \"a\"", Ok("urn:x:2.0:User:name.familyName sw \"a\""));
        check("not eq 1", Ok("not eq 1"));
        check(r#"emails[type eq "work" and value co "@x"]"#, Ok(r#"emails[type eq "work" and value co "@x"]"#));
    }

    #[test]
    fn precedence() {
        check("a pr or b pr and c pr", Ok("a pr or b pr and c pr"));
        assert!(matches!(whole("a pr or b pr and c pr"), Ok(Filter::Or(terms)) if terms.len() == 2));
        check("(a pr or b pr) and c pr", Ok("(a pr or b pr) and c pr"));
        check("a pr AND (b pr Or c pr)", Ok("a pr and (b pr or c pr)"));
        check("a pr and (b pr and c pr)", Ok("a pr and (b pr and c pr)"));
        check("not(a pr) and b pr", Ok("not (a pr) and b pr"));
        check("NOT (not ( a pr ))", Ok("not (not (a pr))"));
        check("((a pr))", Ok("a pr"));
        check("not (emails[not (a pr) or b pr]) or c pr", Ok("not (emails[not (a pr) or b pr]) or c pr"));
    }

    #[test]
    fn errors_say_where() {
        check("", Err(0));
        check("userName", Err(8));
        check("userName eq", Err(11));
        check(r#"eq "x""#, Err(3));
        check("userName is 1", Err(9));
        check("userName eq bjensen", Err(12));
        check("userName eq True", Err(12));
        check("userName eq 'x'", Err(12));
        check(r#"userName eq "x"#, Err(12));
        check(r#"userName eq "\x""#, Err(12));
        check("userName eq 01", Err(12));
        check(r#"userName eq"x""#, Err(11));
        check(r#"userName eq "x" and"#, Err(16));
        check(r#"userName eq "x" and "#, Err(20));
        check(r#"userName eq "x"and a pr"#, Err(15));
        check("a prx", Err(4));
        check("not a pr", Err(4));
        check("(a pr", Err(5));
        check("a pr)", Err(4));
        check("emails[a pr", Err(11));
        check("emails[x[a pr]]", Err(8));
        check("a..b pr", Err(2));
        check("a eq {}", Err(5));
    }

    #[test]
    fn nesting_is_bounded_and_chains_are_not() {
        let nested = |n: usize| format!("{}a pr{}", "(".repeat(n), ")".repeat(n));
        assert!(whole(&nested(32)).is_ok());
        assert!(whole(&nested(33)).is_err());
        assert!(whole(&nested(100_000)).is_err());
        assert!(whole(&format!("{}a pr", "a pr or ".repeat(10_000))).is_ok());
    }
}
