"""What stands for a value in a command is one word of real shells, or the command is refused."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from shells import PIECES, SHELLS, VALUES, filled, run

from torc_frames.errors import RefusedError
from torc_frames.workflow.push.templates import fill

WORDS = [
    # What stands around one value, and the words that `show` gets of it.
    ("show {x}", lambda x: [[x]]),
    ("show --alpha={x} b", lambda x: [[f"--alpha={x}", "b"]]),
    ("show a{x}b{x}", lambda x: [[f"a{x}b{x}"]]),
    ("show 'a b'{x}\"c d\"", lambda x: [[f"a b{x}c d"]]),
    ("show {x}# c", lambda x: [[f"{x}#", "c"]]),
    ("show {x} # no comment\nshow {x}", lambda x: [[x], [x]]),
    ("show {x}; show {x}&& show {x}|| show b", lambda x: [[x]] * 3),
    ("show \\\n {x} \\\n b", lambda x: [[x, "b"]]),
    ('V={x}; show "$V"', lambda x: [[x]]),
    ('V=a={x}; show "$V"', lambda x: [[f"a={x}"]]),
    ('V={x} sh -c \'printf "1\\0%s\\0" "$V" >> "$SHOWN"\'', lambda x: [[x]]),
    ('sh -c \'printf "1\\0%s\\0" "$1" >> "$SHOWN"\' _ {x}', lambda x: [[x]]),
    ('export V={x}; show "$V"', lambda x: [[x]]),
    ("V=v; show $V{x} ${{V}}{x} $(echo c){x}", lambda x: [[f"v{x}", f"v{x}", f"c{x}"]]),
    ("show {x}>/dev/null", lambda x: [[x]]),
    ("show {x} > /dev/null 2>&1", lambda x: [[x]]),
    ("2>/dev/null show {x}", lambda x: [[x]]),
    ("if true; then show {x}; fi", lambda x: [[x]]),
    ('for v in {x}; do show "$v"; done', lambda x: [[x]]),
    ("case a in a) show {x};; esac", lambda x: [[x]]),
    ("case {x} in b-b) show no;; *) show {x};; esac", lambda x: [[x]]),
    ("case {x} in {x}) show {x};; esac", lambda x: [[x]]),
    ("{{ show {x}; }}", lambda x: [[x]]),
    ("( show {x} )", lambda x: [[x]]),
    ('f() {{ show "$@"; }}; f {x} {x}', lambda x: [[x, x]]),
    ('set -- {x}; show "$@"', lambda x: [[x]]),
    ("show ~{x}", lambda x: [[f"~{x}"]]),
    ("show ~ro{x}", lambda x: [[f"~ro{x}"]]),
    ("show a:{x}:b", lambda x: [[f"a:{x}:b"]]),
    ("! show {x}", lambda x: [[x]]),
    ("true | show {x}", lambda x: [[x]]),
    ("printf '%s' {x} > /dev/null; show {x}", lambda x: [[x]]),
    ("[ a = {x} ] || show {x}", lambda x: [[x]]),
    ('show {x} \\$ cost$ "$HO"', lambda x: [[x, "$", "cost$", ""]]),
    ("show -- {x} 2>> err", lambda x: [["--", x]]),
    ("show ${{V:-d}} ${{#V}} {x}", lambda x: [["d", "0", x]]),
]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(("template", "expected"), WORDS, ids=[template for template, _ in WORDS])
def test_a_value_is_one_word_in_real_shells(shell, template, expected, tmp_path):
    found = run(shell, [filled(template, [value]) for value in VALUES], tmp_path)
    assert found == [expected(value) for value in VALUES]


REFUSED = [
    "echo \\{x}",
    "echo ${x}",
    "echo $${x}$x$$'{x}'",
    "echo $'{x}'",
    'echo $"{x}"',
    'echo "{x}"',
    "echo '{x}'",
    "echo `echo {x}`",
    "echo `date` {x}",
    'echo "`date`" {x}',
    "echo $(echo {x})",
    'echo "$(echo "{x}")"',
    'echo "$(case a in a) echo "{x}" ;; esac)"',
    "echo $((1 + {x}))",
    "echo $[{x}]",
    "(( {x} ))",
    "for ((i = 0; i < {x}; i++)); do echo; done",
    "V={x}; echo $((V))",
    "V={x}; (( V ))",
    "[[ {x} -eq 1 ]] && echo",
    "V={x}; [[ $V -eq 1 ]]",
    "if [[ a == {x} ]]; then echo; fi",
    "echo ok # {x}",
    "# {x}\necho",
    "echo ok;# {x}",
    "cat <<EOF\n{x}\nEOF",
    "cat <<-'EOF'\n{x}\nEOF",
    "cat <<< {x}",
    "cat <\\\n<EOF\n{x}\nEOF\n",
    "echo $\\\n{x}",
    'echo "$\\\n(echo "{x}")"',
    "echo a\\\n# {x}",
    "cat <(echo {x})",
    "read < <(echo) {x}",
    "a[{x}]=1",
    "a=([{x}]=1)",
    "echo {{a,{x}}}",
    "echo {{1..{x}}}",
    "echo {{{x},b}}",
    "eval echo {x}",
    "V={x}; eval echo $V",
    "command eval {x}",
    "command -p eval {x}",
    "2>err eval {x}",
    "> out eval {x}",
    "A=1 eval {x}",
    "'eval' {x}",
    "e\\val {x}",
    "f() {{ eval {x}; }}; f",
    "function f {{ eval {x}; }}; f",
    "true; if true; then eval {x}; fi",
    "bash -c {x}",
    "bash -lc {x}",
    "bash -c $V {x}",
    "$V eval {x}",
    "$V ${{V}} command eval {x}",
    "printf $V {x} {y}",
    "[ -v $V {x} ]",
    "sh -e -c {x}",
    "timeout 5 /bin/sh -c {x}",
    "sh -c echo\\ {x}",
    "ssh node run {x}",
    "let {x}",
    "declare {x}",
    "declare -i n; n={x}",
    "f() {{ local -i n; n={x}; }}; f",
    "read {x}",
    "unset {x}",
    "printf -v {x} a",
    "printf {x} {y}",
    "test -v {x}",
    "[ -v {x} ]",
    "[ {x} {y} ]",
    "[ -{x} {y} ]",
    "mapfile -C {x} < a",
    "wait -p {x}",
    "RANDOM={x}",
    "ENV={x} sh -i",
    "BASH_ENV={x} bash run.sh",
    "PROMPT_COMMAND={x} bash",
    "PS1={x} bash",
    "csh -c {x}",
    "tcsh -ec 'echo {x}'",
    "nohup /bin/mksh -c {x}",
    "script -q -c {x} /dev/null",
    "flock lock -c 'run {x}'",
    "runuser -u me -c {x}",
    "env -S {x}",
    "env -iS 'run {x}'",
    "env --split-string={x}",
    "bind -x {x}",
    "fc -e {x}",
    "SECONDS={x} true",
    "export OPTIND={x}",
    "for RANDOM in {x}; do :; done",
    "PS4={x} bash -x run",
    "BASH_ENV={x} bash run",
    "export {x}",
    "for {x} in 1; do :; done",
    "trap {x} EXIT",
    "alias a={x}",
    "echo >& {x}",
    "echo >&{x}",
    "cat <& {x}",
    "true &> log eval {x}",
    "true &> log read {x}",
    "echo 'open {x}",
    'echo "open {x}',
    "echo ${{V[1]}} {x}",
    "echo ${{V:{x}}}",
    "echo ${{V:-{x}}}",
    "echo \"${{V:-'}}\" {x} '",
]


@pytest.mark.parametrize("template", REFUSED)
def test_where_quotes_do_not_hold_the_template_is_refused(template):
    with pytest.raises(RefusedError, match=r"\{[xy]\}"):
        filled(template, ["1", "2"])


def test_the_message_says_what_works():
    with pytest.raises(RefusedError, match=r"current_job\(\)") as told:
        filled("bash -c {x}", ["1"])
    assert "VALUE=" in str(told.value)
    with pytest.raises(RefusedError, match=r"\$\{\{name\}\}"):
        filled("echo ${x}", ["1"])


@pytest.mark.parametrize("template", [t for t in REFUSED if "{x}" in t])
def test_without_a_value_any_command_will_do(template):
    plain = template.replace("{x}", "v").replace("{y}", "w")
    assert filled(plain, ["1"]) == plain.replace("{{", "{").replace("}}", "}")


def test_a_null_character_is_refused_with_its_row():
    with pytest.raises(RefusedError, match="row 1, column 'x'"):
        fill("command", "echo {x}", {"x": ["a", "b\0"]}, [0, 1], quoted=True)
    assert fill("name", "n {x}", {"x": ["a\0"]}, [0], quoted=False) == ["n a\0"]


def test_a_format_makes_no_enormous_text():
    with pytest.raises(RefusedError, match="characters"):
        filled("echo {x:>9999999999}", ["1"])


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much], deadline=None
)
@given(
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=10),
    st.sampled_from(VALUES),
    st.sampled_from(VALUES),
)
def test_no_value_ever_runs(tmp_path, pieces, one, other):
    template = "".join(pieces)
    assume("{x}" in template or "{y}" in template)
    try:
        command = filled(template, [one, other])
    except RefusedError:
        return
    # A command's name is the one thing that a value may be.
    for shell in SHELLS:
        run(shell, [command], tmp_path)
