using Mcp.Cli.Output;
using Mcp.Errors;

namespace Mcp.Tests.Cli;

public class ReporterTests
{
    [Test]
    public async Task Every_part_of_an_error_is_on_its_own_line_and_problems_name_file_line_and_column()
    {
        var text = new StringWriter();
        new Reporter(text, colours: false).Error(new McpException(FaultCode.InvalidArgument, "the definition has 2 mistakes")
        {
            Problems = [new TextProblem("notes.toml", 3, 8, "image", "latest is not a version"), new TextProblem("notes.toml", 9, 1, "mode", "is required")],
            Node = "orion",
            Step = "validate",
            Cause = "because",
            State = "nothing was changed",
            Hint = "mcp service edit notes",
        });
        await Assert.That(text.ToString()).IsEqualTo(
            "error: the definition has 2 mistakes\n  notes.toml:3:8: image: latest is not a version\n  notes.toml:9:1: mode: is required\n" +
            "  node: orion\n  step: validate\n  cause: because\n  state: nothing was changed\n  next: mcp service edit notes\n");
    }

    [Test]
    [Arguments("\e]52;c;cm0gLXJmIC8=\a")]
    [Arguments("\e[2J\e[1;1H")]
    [Arguments("fine\rerror: all is well")]
    [Arguments("\u202Egnp.exe")]
    [Arguments("\u009b31m")]
    public async Task Text_from_elsewhere_cannot_touch_the_terminal(string hostile)
    {
        var text = new StringWriter();
        var reporter = new Reporter(text, colours: true);
        reporter.Error(new McpException(FaultCode.Internal, $"podman said {hostile}") { Cause = hostile, Node = hostile });
        reporter.Warning(hostile);
        reporter.Note(hostile);
        reporter.Finding(hostile, hostile);
        var ours = text.ToString().Replace("\e[31m", "").Replace("\e[1;33m", "").Replace("\e[33m", "").Replace("\e[36m", "").Replace("\e[0m", "");
        await Assert.That(ours.Any(c => char.IsControl(c) && c != '\n')).IsFalse();
        await Assert.That(ours.Contains('\u202E')).IsFalse();
    }

    [Test]
    public async Task A_table_escapes_its_cells_and_is_plain_where_there_is_no_terminal()
    {
        using var bench = new CliBench();
        var listing = new Listing("NAME", "STATE");
        listing.Add("a\e[31mb\nc", Cell.State("running"));
        listing.Add(new string('x', 200), "[bold]not markup[/]");
        bench.Context.Screen.Table(listing, "nothing");
        var lines = bench.Out.TrimEnd('\n').Split('\n');
        await Assert.That(lines.Length).IsEqualTo(3);
        await Assert.That(bench.Out.Contains('\e')).IsFalse();
        await Assert.That(lines[1]).Contains("\\u{1b}[31mb");
        await Assert.That(lines[2]).Contains("[bold]not markup[/]");
        await Assert.That(lines.Any(l => l.EndsWith(' '))).IsFalse();
    }

    [Test]
    public async Task An_empty_table_leaves_standard_output_empty()
    {
        using var bench = new CliBench();
        bench.Context.Screen.Table(new Listing("NAME"), "no nodes yet");
        await Assert.That(bench.Out).IsEqualTo("");
        await Assert.That(bench.Error).IsEqualTo("no nodes yet\n");
    }

    [Test]
    [Arguments(0, "0 B")]
    [Arguments(1023, "1023 B")]
    [Arguments(1536, "1.5 KiB")]
    [Arguments(25L * 1024 * 1024, "25.0 MiB")]
    public async Task Sizes_are_readable(long bytes, string text) => await Assert.That(Measures.Bytes(bytes)).IsEqualTo(text);

    [Test]
    public async Task A_rate_is_that_of_the_last_seconds_and_tells_what_remains()
    {
        var rate = new TransferRate();
        var start = DateTimeOffset.UnixEpoch;
        await Assert.That(rate.Describe(0, 10 << 20, start)).IsEqualTo("0 B of 10.0 MiB");
        await Assert.That(rate.Describe(2 << 20, 10 << 20, start.AddSeconds(2))).IsEqualTo("2.0 MiB of 10.0 MiB, 1.0 MiB/s, 8.0 s left");
        await Assert.That(rate.Describe(10 << 20, 10 << 20, start.AddSeconds(4))).Contains("10.0 MiB of 10.0 MiB");
    }
}
