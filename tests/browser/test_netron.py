"""What a reader sees in netron: the graph, without a question to any other host."""

import datetime

import pytest
from playwright.sync_api import expect

import vaelib
from vaelib import graphs, viewer


@pytest.mark.parametrize("later", [0, 400], ids=["today", "in 400 days"])
def test_netron_shows_the_graph_and_asks_no_other_host(browser, tmp_path, later):
    path = tmp_path / "vae.onnx"
    graphs.export_onnx(vaelib.pretrained("vae-2d"), path)
    asked, problems = [], []
    with viewer.view(path, port=0) as shown, browser.new_context() as context:
        page = context.new_page()
        now = datetime.datetime.now(datetime.UTC)
        page.clock.set_fixed_time(now + datetime.timedelta(days=later))
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text))
        page.goto(shown.address)
        expect(page.locator("svg text", has_text="Gemm")).to_have_count(4)
        expect(page.locator("svg text", has_text="eps")).to_have_count(1)
        expect(page.get_by_text("cookies")).not_to_be_visible()
    assert [url for url in asked if not url.startswith((shown.address, "data:", "blob:"))] == []
    assert problems == []
