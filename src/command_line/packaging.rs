//! What comes with the program where it is installed: completions for shells, and the manual.

use std::fmt::Display;
use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::command_line::{CommandLine, shown};
use crate::terminal::say;

pub(super) fn completions(shell: Shell) -> Result<(), Box<dyn Display>> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut CommandLine::command(), "consign", &mut text);
    say(String::from_utf8(text).map_err(shown)?.trim_end());
    Ok(())
}

/// One page on standard output, or `consign.1`, `consign-serve.1` and so on in a folder that exists.
pub(super) fn man(folder: Option<&Path>) -> Result<(), Box<dyn Display>> {
    if let Some(folder) = folder {
        return clap_mangen::generate_to(CommandLine::command(), folder).map_err(shown);
    }
    let mut page = Vec::new();
    Man::new(CommandLine::command()).render(&mut page).map_err(shown)?;
    say(String::from_utf8(page).map_err(shown)?.trim_end());
    Ok(())
}
