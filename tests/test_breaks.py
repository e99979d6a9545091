"""Where a line may break within a name of the code, and that nothing is added to the name."""

import re
import sys

import pytest

from tests.pages import ROOT

sys.path.insert(0, str(ROOT / "book" / "_ext"))

import breaks


@pytest.mark.parametrize(
    ("code", "broken"),
    [
        ("reconstruction_log_likelihood", "reconstruction_|log_|likelihood"),
        ("vaelib.densities.log_prob", "vaelib.|densities.|log_prob"),
        ("score_function(...).mu.__class__", "score_function(...).|mu.__class__"),
        ("object.__init__(self, value)", "object.__init__(self, value)"),
        ("decode(f(&quot;a_name&quot;), 0.25, 1.5)", "decode(|f(|&quot;a_|name&quot;), 0.25, 1.5)"),
        ("vaelib.exercises.check_elbo(f)", "vaelib.|exercises.|check_|elbo(f)"),
        ("torch.distributions", "torch.distributions"),
        ("f(images, mean, log_var, sigma)", "f(images, mean, log_var, sigma)"),
        ("nn.Conv2d", "nn.Conv2d"),
        ("make bench", "make bench"),
    ],
)
def test_a_name_may_break_between_its_parts(code, broken):
    page = breaks.offered(f'<code class="x"><span class="pre">{code}</span></code>')
    assert page.count('class="whole x"') == (len(code) <= breaks.SHORT)
    assert re.sub("<[^>]*>", "", page.replace("<wbr>", "|")) == broken


def test_parts_of_a_signature_are_one_name():
    page = '<dt class="sig py"><i>vaelib.</i><b>log_prob</b><i>(</i><em>x</em>, <em>y</em></dt>'
    assert breaks.offered(page) == (
        '<dt class="sig py"><i>vaelib.<wbr></i><b>log_<wbr>prob</b>'
        "<i>(<wbr></i><em>x</em>, <em>y</em></dt>"
    )


def test_a_hyphen_is_kept_in_its_line():
    page = breaks.offered("<code>iwae-5-2000-epochs</code><code>sigma -&gt; the_longer_name</code>")
    assert '<span class="whole">iwae-5-2000-epochs</span>' in page
    assert 'sigma <span class="whole">-&gt;</span> the_longer_name' in page


def test_the_authors_of_a_work_stay_in_one_line():
    page = breaks.offered("<p>Burda <em>et al.</em> [2016], et al.</p>")
    assert page == "<p>Burda <em>et&nbsp;al.</em> [2016], et al.</p>"


def test_code_in_lines_of_its_own_and_prose_stay():
    page = "<pre><code>reconstruction_log_likelihood</code></pre><p>a_name_that_is_no_code(x)</p>"
    assert breaks.offered(page) == page
