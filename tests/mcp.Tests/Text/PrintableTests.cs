using Mcp.Text;

namespace Mcp.Tests.Text;

internal sealed class PrintableTests
{
    [Test]
    [Arguments("plain é 😀", "plain é 😀")]
    [Arguments("\u001b[31mred", "\\u{1b}[31mred")]
    [Arguments("\u001b]52;c;eA==\u0007", "\\u{1b}]52;c;eA==\\u{07}")]
    [Arguments("over\rwrite", "over\\u{0d}write")]
    [Arguments("two\nlines", "two\\u{0a}lines")]
    [Arguments("a\u202egnp.exe", "a\\u{202e}gnp.exe")]
    [Arguments("\u009b2J", "\\u{9b}2J")]
    [Arguments("a\u2028b", "a\\u{2028}b")]
    [Arguments("\u200b", "\\u{200b}")]
    [Arguments(null, "")]
    public async Task What_moves_a_terminal_is_written_out(string? text, string expected) =>
        await Assert.That(Printable.Line(text)).IsEqualTo(expected);

    [Test]
    public async Task A_lone_surrogate_and_tag_characters_do_not_pass()
    {
        await Assert.That(Printable.Line("a\ud800b")).DoesNotContain("\ud800");
        await Assert.That(Printable.Line("\U000E0041")).IsEqualTo("\\u{e0041}");
    }

    [Test]
    public async Task Text_is_cut_and_blocks_keep_their_lines()
    {
        await Assert.That(Printable.Line(new string('x', 100), 10)).IsEqualTo("xxxxxxxxxx…");
        await Assert.That(Printable.Block("a\n\tb\u001b")).IsEqualTo("a\n\tb\\u{1b}");
    }
}
