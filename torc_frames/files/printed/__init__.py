"""Tables for print: HTML, LaTeX, Markdown, Excel."""
