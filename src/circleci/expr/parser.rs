//! From the text of an expression to its tree, in one pass (circleci-semantics §5.9).

use super::ast::{Expr, Kind, Level, Link};
use super::error::{Error, ErrorKind};
use super::lexer::{Lexer, Token};
use super::pattern::Pattern;
use super::value::Scalar;
use crate::yaml::Span;

/// Deepest nesting of parentheses and negations, the limit that logic statements have too.
const MAX_DEPTH: usize = 100;

/// Longest text, in bytes; what is longer is no expression that a person wrote, and each of its
/// patterns would cost time.
const MAX_LENGTH: usize = 16 * 1024;

/// Reads an expression.
///
/// # Errors
///
/// The first thing that is wrong with the text.
pub(crate) fn parse(text: &str) -> Result<Expr, Error> {
    if text.len() > MAX_LENGTH {
        return Err(Error {
            kind: ErrorKind::TooLong(MAX_LENGTH),
            span: Span::new(0, text.len()),
        });
    }
    let mut lexer = Lexer::new(text);
    let (token, span) = lexer.next()?;
    let mut parser = Parser {
        text,
        lexer,
        token,
        span,
        last: span,
        depth: 0,
    };
    if parser.token == Token::End {
        return Err(parser.error(ErrorKind::Empty));
    }
    let expr = parser.chain(Level::Or)?;
    match parser.token {
        Token::End => Ok(expr),
        Token::Close => Err(parser.error(ErrorKind::UnopenedParenthesis)),
        _ => Err(parser.error(ErrorKind::ExpectedOperator(parser.found()))),
    }
}

struct Parser<'t> {
    text: &'t str,
    lexer: Lexer<'t>,
    /// The word that was read and not used yet, and its bytes.
    token: Token,
    span: Span,
    /// The bytes of the word that was used last.
    last: Span,
    depth: usize,
}

impl Parser<'_> {
    /// Uses the word at hand, reads the next one, and returns the used one's bytes.
    fn advance(&mut self) -> Result<Span, Error> {
        let (token, span) = self.lexer.next()?;
        self.token = token;
        self.last = std::mem::replace(&mut self.span, span);
        Ok(self.last)
    }

    fn error(&self, kind: ErrorKind) -> Error {
        Error {
            kind,
            span: self.span,
        }
    }

    /// Returns the word at hand as a message names it.
    fn found(&self) -> String {
        match &self.token {
            Token::End => "the end".to_owned(),
            Token::Str(_) => "a text".to_owned(),
            Token::Pattern(_) => "a pattern".to_owned(),
            _ => format!("`{}`", &self.text[self.span.range()]),
        }
    }

    /// Reads operands and the operators of one strength between them.
    fn chain(&mut self, level: Level) -> Result<Expr, Error> {
        if level == Level::Operand {
            return self.operand();
        }
        let start = self.span;
        let first = self.chain(level.tighter())?;
        let mut links = Vec::new();
        loop {
            links.push(match self.token {
                Token::Op(op) if op.level() == level => {
                    self.advance()?;
                    Link::Binary(op, self.chain(level.tighter())?)
                }
                Token::Matches if level == Level::Text => {
                    self.advance()?;
                    Link::Matches(self.pattern()?)
                }
                _ => break,
            });
        }
        // Parentheses around the operands belong to the chain.
        Ok(Expr::chain(first, links, start.to(self.last)))
    }

    fn pattern(&mut self) -> Result<Pattern, Error> {
        let Token::Pattern(source) = &self.token else {
            return Err(self.error(ErrorKind::ExpectedPattern(self.found())));
        };
        let source = source.clone();
        let span = self.advance()?;
        Ok(Pattern::new(source, span))
    }

    fn operand(&mut self) -> Result<Expr, Error> {
        match self.token {
            Token::Not => {
                let from = self.advance()?;
                let inner = self.deeper(from, Self::operand)?;
                let span = from.to(inner.span);
                Ok(Expr {
                    kind: Kind::Not(Box::new(inner)),
                    span,
                })
            }
            Token::Open => {
                let from = self.advance()?;
                let inner = self.deeper(from, |parser| parser.chain(Level::Or))?;
                match self.token {
                    Token::Close => {}
                    Token::End => {
                        return Err(Error {
                            kind: ErrorKind::UnclosedParenthesis,
                            span: from,
                        });
                    }
                    _ => return Err(self.error(ErrorKind::ExpectedOperator(self.found()))),
                }
                self.advance()?;
                Ok(inner)
            }
            Token::Int(n) => self.piece(Kind::Literal(Scalar::Int(n))),
            Token::Bool(b) => self.piece(Kind::Literal(Scalar::Bool(b))),
            Token::Str(ref text) => {
                let kind = Kind::Literal(Scalar::Str(text.clone()));
                self.piece(kind)
            }
            Token::Name(ref name) => {
                let kind = Kind::Name(name.clone());
                self.piece(kind)
            }
            Token::Close | Token::Op(_) | Token::Matches | Token::Pattern(_) | Token::End => {
                Err(self.error(ErrorKind::ExpectedOperand(self.found())))
            }
        }
    }

    fn piece(&mut self, kind: Kind) -> Result<Expr, Error> {
        let span = self.advance()?;
        Ok(Expr { kind, span })
    }

    /// Reads what stands inside a parenthesis or behind a `not`.
    fn deeper(
        &mut self,
        from: Span,
        read: impl FnOnce(&mut Self) -> Result<Expr, Error>,
    ) -> Result<Expr, Error> {
        if self.depth == MAX_DEPTH {
            return Err(Error {
                kind: ErrorKind::TooDeep(MAX_DEPTH),
                span: from,
            });
        }
        self.depth += 1;
        let inner = read(self);
        self.depth -= 1;
        inner
    }
}
