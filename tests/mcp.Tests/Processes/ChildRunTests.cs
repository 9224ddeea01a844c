using System.Diagnostics;
using System.Globalization;
using System.Text;
using Mcp.Processes;

namespace Mcp.Tests.Processes;

/// <summary>Whatever a child does with its input, its output and its end: the caller has an answer in time.</summary>
internal sealed class ChildRunTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Test]
    public async Task A_child_reads_its_input_to_the_end_and_says_something()
    {
        var outcome = await RunAsync("cat; echo done >&2; exit 7", "grün\n");
        await Assert.That(outcome).IsEqualTo(new ChildOutcome(7, false, "grün\ndone\n"));
    }

    [Test]
    [Arguments("exec <&-; exit 0")]
    [Arguments("exit 0")]
    public async Task A_child_that_does_not_read_its_input_disturbs_nobody(string script)
    {
        var outcome = await RunAsync(script, new string('x', 5_000_000));
        await Assert.That(outcome).IsEqualTo(new ChildOutcome(0, false, ""));
    }

    [Test]
    public async Task Of_a_flood_the_beginning_is_kept_and_the_rest_is_read()
    {
        var outcome = await RunAsync("echo first; head -c 50000000 /dev/zero; exit 4", "");
        await Assert.That(outcome.ExitCode).IsEqualTo(4);
        await Assert.That(outcome.Output.Length).IsEqualTo(ChildRun.OutputKept);
        await Assert.That(outcome.Output).StartsWith("first\n");
    }

    [Test]
    public async Task A_child_that_hangs_is_killed_with_what_it_started()
    {
        using var folder = new TemporaryFolder();
        var outcome = await RunAsync($"sleep 600 & echo $! > {folder["pid"]}; echo before; trap '' TERM; wait", "", TimeSpan.FromSeconds(1));
        await Assert.That(outcome).IsEqualTo(new ChildOutcome(128 + 9, true, "before\n"));
        await GoneAsync(folder["pid"]);
    }

    [Test]
    public async Task A_grandchild_that_holds_the_output_open_is_not_waited_for()
    {
        using var folder = new TemporaryFolder();
        var before = Stopwatch.GetTimestamp();
        var outcome = await RunAsync($"setsid sh -c 'echo $$ > {folder["pid"]}; exec sleep 600' & while [ ! -s {folder["pid"]} ]; do sleep 0.01; done; echo ready", "", TimeSpan.FromMinutes(5));
        await Assert.That(outcome).IsEqualTo(new ChildOutcome(0, false, "ready\n"));
        await Assert.That(Stopwatch.GetElapsedTime(before)).IsLessThan(TimeSpan.FromMinutes(4));
        Signals.Kill(int.Parse(await File.ReadAllTextAsync(folder["pid"]), CultureInfo.InvariantCulture));
    }

    [Test]
    public async Task A_caller_who_gives_up_leaves_no_child()
    {
        using var folder = new TemporaryFolder();
        using var given = new CancellationTokenSource();
        var run = ChildRun.RunAsync("/bin/sh", ["-c", $"echo $$ > {folder["pid"]}; sleep 600"], Path(), default, TimeSpan.FromMinutes(5), TimeProvider.System, given.Token);
        await UntilAsync(() => File.Exists(folder["pid"]) && new FileInfo(folder["pid"]).Length > 0);
        await given.CancelAsync();
        await Assert.That(async () => await run.WaitAsync(Patience)).Throws<OperationCanceledException>();
        await GoneAsync(folder["pid"]);
    }

    [Test]
    public async Task A_child_gets_its_three_descriptors_and_no_other()
    {
        // Not close-on-exec, as what systemd hands to a service: the child must not get it all the same.
        using var folder = new TemporaryFolder();
        await File.WriteAllTextAsync(folder["secret"], "");
        var outcome = await RunAsync($"exec 9< {folder["secret"]}; exec sh -c 'ls /proc/self/fd'", "");
        await Assert.That(outcome.Output).Contains("9");
        var clean = await RunAsync("ls /proc/self/fd", "");
        // 3 is the folder that ls itself reads.
        await Assert.That(clean.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)).IsEquivalentTo(["0", "1", "2", "3"]);
    }

    private static Task<ChildOutcome> RunAsync(string script, string input, TimeSpan? limit = null) =>
        ChildRun.RunAsync("/bin/sh", ["-c", script], Path(), Encoding.UTF8.GetBytes(input), limit ?? Patience, TimeProvider.System, default);

    private static KeyValuePair<string, string>[] Path() => [new("PATH", "/usr/bin:/bin")];

    private static async Task GoneAsync(string pidFile)
    {
        var pid = (await File.ReadAllTextAsync(pidFile)).Trim();
        await UntilAsync(() => !File.Exists($"/proc/{pid}/stat") || File.ReadAllText($"/proc/{pid}/stat").Contains(") Z "));
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        var patience = Stopwatch.StartNew();
        while (!condition() && patience.Elapsed < Patience)
            await Task.Delay(10);
        await Assert.That(condition()).IsTrue();
    }
}
