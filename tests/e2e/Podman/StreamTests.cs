using System.Diagnostics;
using System.Globalization;
using Mcp.EndToEnd.Harness;
using Mcp.Podman;

namespace Mcp.EndToEnd.Podman;

/// <summary>Logs, events and commands on a real podman.</summary>
[ClassDataSource<PodmanFixture>(Shared = SharedType.PerTestSession)]
internal sealed class StreamTests(PodmanFixture fixture)
{
    private PodmanClient Podman => fixture.Podman;

    [Test]
    public async Task A_log_holds_both_streams_long_lines_and_odd_bytes()
    {
        var id = await fixture.RunAsync(fixture.Shell(fixture.Unique("log"),
            "echo first; echo bad >&2; printf '\\377\\033[31m\\n'; head -c 20000 /dev/zero | tr '\\0' x; echo; printf unended"));
        await Podman.WaitContainerAsync(id, default);
        var lines = await ReadAsync(Podman.LogsAsync(id, new LogQuery(), default));
        await Assert.That(string.Join('|', lines.Where(line => !line.IsError).Select(line => line.Bytes.Length))).IsEqualTo("5|6|20000|7");
        await Assert.That(lines.Single(line => line.IsError).Text).IsEqualTo("bad");
        await Assert.That(lines[0].Time).IsNotNull();
        await Assert.That(lines.First(line => line.Bytes.Length == 6).Bytes.Span[0]).IsEqualTo((byte)0xff);
        await Assert.That(await ReadAsync(Podman.LogsAsync(id, new LogQuery { Since = DateTimeOffset.UtcNow.AddHours(1) }, default))).IsEmpty();
    }

    // Whole lines only: how podman 4.3 counts pieces of an unended one from the end depends on how conmon happened to read them.
    [Test]
    public async Task The_tail_of_a_log_is_its_last_lines()
    {
        var id = await fixture.RunAsync(fixture.Shell(fixture.Unique("tail"), "echo one; echo two; echo three"));
        await Podman.WaitContainerAsync(id, default);
        var last = await ReadAsync(Podman.LogsAsync(id, new LogQuery { Tail = 2 }, default));
        await Assert.That(string.Join('|', last.Select(line => line.Text))).IsEqualTo("two|three");
    }

    [Test]
    public async Task Following_a_log_sees_lines_as_they_come_and_ends_with_the_container()
    {
        var id = await fixture.RunAsync(fixture.Shell(fixture.Unique("follow"), "trap 'echo bye; exit' TERM; i=0; while :; do i=$((i+1)); echo line $i; sleep 0.1; done"));
        List<string> lines = [];
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        Task? stopping = null;
        await foreach (var line in Podman.LogsAsync(id, new LogQuery { Follow = true, Tail = 1 }, patience.Token))
        {
            lines.Add(line.Text);
            if (lines.Count == 10)
                stopping = Podman.StopContainerAsync(id, TimeSpan.FromSeconds(30), default);
        }
        await stopping!;
        await Assert.That(lines.Count).IsGreaterThan(10);
        await Assert.That(lines[^1]).IsEqualTo("bye");
        var numbers = lines.SkipLast(1).Select(line => int.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture)).ToList();
        await Assert.That(numbers).IsEquivalentTo(Enumerable.Range(numbers[0], numbers.Count));
    }

    [Test]
    public async Task A_log_that_starts_anew_at_its_limit_can_still_be_followed()
    {
        var id = await fixture.RunAsync(fixture.Shell(fixture.Unique("rotate"), "i=0; while [ $i -lt 200 ]; do i=$((i+1)); echo line $i; sleep 0.02; done; sleep 1; echo end") with { LogBytes = 1000 });
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        var lines = await ReadAsync(Podman.LogsAsync(id, new LogQuery { Follow = true }, patience.Token));
        await Assert.That(lines[^1].Text).IsEqualTo("end");
    }

    [Test]
    public async Task Events_tell_the_life_of_a_container_and_only_with_its_labels()
    {
        var name = fixture.Unique("event");
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        var label = $"mcp.test.event={name}";
        List<string> actions = [];
        var query = new EventQuery { Type = "container", Labels = [label], Since = DateTimeOffset.UtcNow };
        var listening = Task.Run(async () =>
        {
            while (true)
            {
                try
                {
                    await foreach (var happened in Podman.EventsAsync(query, patience.Token))
                    {
                        await Assert.That(happened.Attributes["mcp.test.event"]).IsEqualTo(name);
                        actions.Add(happened.Action);
                        if (happened.Action == "remove")
                            return;
                    }
                }
                catch (PodmanException e) when (e.Kind == PodmanFailure.Unreachable)
                {
                    // A podman whose log of events does not exist yet, or begins anew, ends the stream; whoever watches asks again from where he began.
                    actions.Clear();
                    patience.Token.ThrowIfCancellationRequested();
                }
            }
        });
        var spec = fixture.Shell(name, "exit 5");
        var id = await fixture.RunAsync(spec with { Labels = new Dictionary<string, string>([PodmanFixture.Mark, new("mcp.test.event", name)]) });
        await Podman.WaitContainerAsync(id, default);
        await Podman.RemoveContainerAsync(id, default);
        await listening;
        await Assert.That(actions).Contains("create");
        await Assert.That(actions).Contains("start");
        await Assert.That(actions).Contains("died");
    }

    [Test]
    public async Task A_command_in_a_container_gives_output_and_exit_code()
    {
        var id = await fixture.RunAsync(fixture.Shell(fixture.Unique("exec"), "sleep 600"));
        for (var code = 0; code < 10; code++)
        {
            var result = await Podman.ExecAsync(id, ["sh", "-c", $"echo out; echo err >&2; exit {code}"], TimeSpan.FromSeconds(30), default);
            await Assert.That(result.ExitCode).IsEqualTo(code);
            await Assert.That(string.Concat(result.Text.Split('\n').Order())).IsEqualTo("errout");
        }
        var much = await Podman.ExecAsync(id, ["sh", "-c", "head -c 3000000 /dev/zero"], TimeSpan.FromSeconds(30), default, outputLimit: 1000);
        await Assert.That(much.Cut).IsTrue();
        await Assert.That(much.Output.Length).IsEqualTo(1000);
        await Assert.That(much.ExitCode).IsEqualTo(0);
        var missing = await Podman.ExecAsync(id, ["/no/such"], TimeSpan.FromSeconds(30), default);
        await Assert.That(missing.ExitCode).IsEqualTo(127);
        await Assert.That(missing.Text).Contains("/no/such");
    }

    [Test]
    public async Task A_command_that_does_not_end_is_killed_at_its_time()
    {
        var id = await fixture.RunAsync(fixture.Shell(fixture.Unique("exectime"), "sleep 600"));
        var clock = Stopwatch.StartNew();
        var result = await Podman.ExecAsync(id, ["sh", "-c", "echo begun; sleep 601"], TimeSpan.FromSeconds(2), default);
        await Assert.That(result.TimedOut).IsTrue();
        await Assert.That(result.ExitCode).IsNull();
        await Assert.That(result.Text).IsEqualTo("begun\n");
        await Assert.That(clock.Elapsed).IsLessThan(TimeSpan.FromSeconds(60));
        if (Environment.IsPrivilegedProcess)
        {
            await Wait.UntilAsync("the shell is gone", async () =>
                !(await Podman.ExecAsync(id, ["ps", "-o", "args"], TimeSpan.FromSeconds(30), default)).Text.Contains("echo begun", StringComparison.Ordinal));
        }
    }

    private static async Task<List<T>> ReadAsync<T>(IAsyncEnumerable<T> items)
    {
        List<T> list = [];
        await foreach (var item in items)
            list.Add(item);
        return list;
    }
}
