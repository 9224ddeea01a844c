using System.Text;
using Mcp.Podman;

namespace Mcp.Tests.Podman;

/// <summary>Logs, events, pulls: answers that go on, are cut, or fall silent.</summary>
internal sealed class PodmanStreamTests
{
    [Test]
    public async Task Log_frames_become_lines_with_stream_and_time()
    {
        var lines = await LogAsync(
            FakeAnswer.Frame(1, "2026-11-23T16:01:38Z hello\n"),
            FakeAnswer.Frame(2, "2026-11-23T16:01:39Z bad\n"),
            FakeAnswer.Frame(1, "2026-11-23T16:01:40Z \n"));
        await Assert.That(lines.Count).IsEqualTo(3);
        await Assert.That(lines[0].Text).IsEqualTo("hello");
        await Assert.That(lines[0].IsError).IsFalse();
        await Assert.That(lines[0].Time).IsEqualTo(new DateTimeOffset(2026, 11, 23, 16, 1, 38, TimeSpan.Zero));
        await Assert.That(lines[1].IsError).IsTrue();
        await Assert.That(lines[2].Text).IsEqualTo("");
    }

    [Test]
    public async Task Records_of_one_long_line_are_joined_without_their_times_also_across_the_other_stream()
    {
        var lines = await LogAsync(
            FakeAnswer.Frame(1, "2026-11-23T16:01:38Z one "),
            FakeAnswer.Frame(2, "2026-11-23T16:01:38Z other\n"),
            FakeAnswer.Frame(1, "2026-11-23T16:01:39Z two\n"),
            FakeAnswer.Frame(1, "2026-11-23T16:01:40Z never ended"));
        await Assert.That(string.Join('|', lines.Select(line => line.Text))).IsEqualTo("other|one two|never ended");
        await Assert.That(lines[1].Time!.Value.Second).IsEqualTo(38);
    }

    [Test]
    public async Task Bytes_are_kept_as_they_are()
    {
        byte[] odd = [0xff, 0x00, 0x1b, 0x5b, 0xc3, 0x28];
        var lines = await LogAsync(FakeAnswer.Frame(1, [.. Encoding.UTF8.GetBytes("2026-11-23T16:01:38Z "), .. odd, (byte)'\n']));
        await Assert.That(lines.Single().Bytes.ToArray()).IsEquivalentTo(odd);
    }

    [Test]
    public async Task A_line_without_end_costs_only_what_is_kept()
    {
        await using var fake = new FakePodman().On("GET", "containers/x/logs", async answer =>
        {
            await answer.BeginAsync();
            var piece = FakeAnswer.Frame(1, "2026-11-23T16:01:38Z " + new string('x', 1_000_000));
            for (var i = 0; i < 30; i++)
                await answer.ChunkAsync(piece);
            await answer.ChunkAsync(FakeAnswer.Frame(1, "2026-11-23T16:01:38Z end\n"));
            await answer.ChunkAsync(FakeAnswer.Frame(1, "2026-11-23T16:01:38Z next\n"));
            await answer.EndAsync();
        });
        using var podman = fake.Client();
        var lines = await ReadAsync(podman.LogsAsync("x", new LogQuery(), default));
        await Assert.That(lines.Count).IsEqualTo(2);
        await Assert.That(lines[0].Cut).IsTrue();
        await Assert.That(lines[0].Bytes.Length).IsEqualTo(64 * 1024);
        await Assert.That(lines[1].Text).IsEqualTo("next");
        await Assert.That(lines[1].Cut).IsFalse();
    }

    [Test]
    public async Task Frames_that_arrive_byte_by_byte_are_the_same_lines()
    {
        await using var fake = new FakePodman().On("GET", "containers/x/logs", async answer =>
        {
            await answer.BeginAsync();
            foreach (var value in FakeAnswer.Frame(1, "2026-11-23T16:01:38Z a\n").Concat(FakeAnswer.Frame(1, "")).Concat(FakeAnswer.Frame(2, "2026-11-23T16:01:38Z b\n")))
                await answer.ChunkAsync([value]);
            await answer.EndAsync();
        });
        using var podman = fake.Client();
        var lines = await ReadAsync(podman.LogsAsync("x", new LogQuery(), default));
        await Assert.That(string.Join('|', lines.Select(line => line.Text))).IsEqualTo("a|b");
    }

    [Test]
    public async Task A_log_that_is_cut_within_a_frame_is_a_failure_after_the_lines_that_came()
    {
        await using var fake = new FakePodman().On("GET", "containers/x/logs", async answer =>
        {
            await answer.BeginAsync();
            await answer.ChunkAsync(FakeAnswer.Frame(1, "2026-11-23T16:01:38Z whole\n"));
            await answer.ChunkAsync(FakeAnswer.Frame(1, "2026-11-23T16:01:38Z half\n")[..20]);
            await answer.EndAsync();
        });
        using var podman = fake.Client();
        List<string> lines = [];
        var failure = await PodmanFaultTests.FailureOf(Task.Run(async () =>
        {
            await foreach (var line in podman.LogsAsync("x", new LogQuery(), default))
                lines.Add(line.Text);
        }));
        await Assert.That(failure.Kind).IsEqualTo(PodmanFailure.Unreachable);
        await Assert.That(string.Join('|', lines)).IsEqualTo("whole");
    }

    [Test]
    public async Task Output_without_frames_is_malformed_and_a_frame_of_4_GiB_costs_nothing()
    {
        await using var fake = new FakePodman().On("GET", "containers/x/logs", answer => answer.TextAsync(200, "plain text of a terminal"));
        using var podman = fake.Client();
        await Assert.That((await PodmanFaultTests.FailureOf(ReadAsync(podman.LogsAsync("x", new LogQuery(), default)))).Kind).IsEqualTo(PodmanFailure.Malformed);
        fake.On("GET", "containers/x/logs", async answer =>
        {
            await answer.BeginAsync();
            await answer.ChunkAsync([1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, (byte)'x']);
            await answer.EndAsync();
        });
        await Assert.That((await PodmanFaultTests.FailureOf(ReadAsync(podman.LogsAsync("x", new LogQuery(), default)))).Kind).IsEqualTo(PodmanFailure.Unreachable);
    }

    [Test]
    public async Task Logs_of_no_container_are_a_refusal_and_not_an_empty_log()
    {
        await using var fake = new FakePodman().On("GET", "containers/x/logs", 404, """{"message":"no such container"}""");
        using var podman = fake.Client();
        await Assert.That((await PodmanFaultTests.FailureOf(ReadAsync(podman.LogsAsync("x", new LogQuery(), default)))).Status).IsEqualTo(404);
    }

    [Test]
    public async Task The_query_of_logs_is_sent()
    {
        await using var fake = new FakePodman().On("GET", "containers/x/logs", 200, "");
        using var podman = fake.Client();
        await ReadAsync(podman.LogsAsync("x", new LogQuery { Follow = true, Tail = 5, Since = DateTimeOffset.FromUnixTimeSeconds(1000) }, default));
        await Assert.That(fake.Requests.Single().Path).IsEqualTo("containers/x/logs?stdout=true&stderr=true&timestamps=true&follow=true&since=1000&tail=5");
    }

    [Test]
    public async Task Events_are_read_over_a_silence_longer_than_the_probe()
    {
        await using var fake = new FakePodman();
        fake.On("GET", "events", async answer =>
        {
            // No head before the first event, as podman does it; silent until the client has asked twice whether anybody is there.
            await fake.UntilAskedAsync("_ping", 2);
            await answer.BeginAsync();
            await answer.ChunkAsync("""{"Type":"container","Action":"died","Actor":{"ID":"c1","Attributes":{"name":"x","containerExitCode":"137","mcp.service":"s"}},"time":1795449750,"timeNano":1795449750317641523}""");
            await answer.ChunkAsync("\n\n{\"Type\":5,\"Actor\":null,\"time\":\"soon\"}\n");
            await answer.HangAsync();
        });
        using var podman = fake.Client();
        await using var events = podman.EventsAsync(new EventQuery { Type = "container", Labels = ["mcp.service"] }, default).GetAsyncEnumerator();
        await Assert.That(await events.MoveNextAsync()).IsTrue();
        await Assert.That(events.Current.Action).IsEqualTo("died");
        await Assert.That(events.Current.Name).IsEqualTo("x");
        await Assert.That(events.Current.Time!.Value.ToUnixTimeMilliseconds()).IsEqualTo(1795449750317);
        await Assert.That(events.Current.Attributes["containerExitCode"]).IsEqualTo("137");
        await Assert.That(await events.MoveNextAsync()).IsTrue();
        await Assert.That(events.Current.Time).IsNull();
        var request = fake.Requests.First(r => r.Path.StartsWith("events", StringComparison.Ordinal));
        await Assert.That(Uri.UnescapeDataString(request.Path)).Contains("""filters={"type":["container"],"label":["mcp.service"]}""");
        await Assert.That(request.Path).Contains("since=");
    }

    [Test]
    public async Task A_podman_that_hangs_behind_a_silent_stream_is_noticed()
    {
        await using var fake = new FakePodman()
            .On("GET", "events", async answer =>
            {
                await answer.BeginAsync();
                await answer.HangAsync();
            })
            .On("GET", "_ping", answer => answer.HangAsync());
        using var podman = fake.Client(FakePodman.Quick with { Connect = TimeSpan.FromMilliseconds(300) });
        var failure = await PodmanFaultTests.FailureOf(ReadAsync(podman.EventsAsync(new EventQuery(), default)));
        await Assert.That(failure.Kind).IsEqualTo(PodmanFailure.TimedOut);
    }

    [Test]
    public async Task The_end_of_the_events_is_a_failure_and_not_the_end_of_all_things()
    {
        await using var fake = new FakePodman().On("GET", "events", 200, "");
        using var podman = fake.Client();
        var failure = await PodmanFaultTests.FailureOf(ReadAsync(podman.EventsAsync(new EventQuery(), default)));
        await Assert.That(failure.Kind).IsEqualTo(PodmanFailure.Unreachable);
    }

    [Test]
    public async Task An_event_without_end_is_too_large()
    {
        await using var fake = new FakePodman().On("GET", "events", async answer =>
        {
            await answer.BeginAsync();
            for (var i = 0; i < 1000; i++)
                await answer.ChunkAsync(new string('{', 10_000));
        });
        using var podman = fake.Client();
        await Assert.That((await PodmanFaultTests.FailureOf(ReadAsync(podman.EventsAsync(new EventQuery(), default)))).Kind).IsEqualTo(PodmanFailure.TooLarge);
    }

    [Test]
    public async Task Leaving_a_stream_early_closes_it()
    {
        var closed = new TaskCompletionSource();
        await using var fake = new FakePodman().On("GET", "events", async answer =>
        {
            await answer.BeginAsync();
            await answer.ChunkAsync("{\"Type\":\"image\"}\n");
            await answer.HangAsync();
            closed.TrySetResult();
        });
        using var podman = fake.Client();
        await foreach (var _ in podman.EventsAsync(new EventQuery(), default))
            break;
        await closed.Task.WaitAsync(TimeSpan.FromSeconds(20));
    }

    [Test]
    public async Task Waiting_ends_with_the_exit_code_however_long_it_takes()
    {
        await using var fake = new FakePodman();
        fake.On("POST", "containers/x/wait", async answer =>
        {
            await fake.UntilAskedAsync("_ping", 2);
            await answer.TextAsync(200, "137");
        });
        using var podman = fake.Client();
        await Assert.That(await podman.WaitContainerAsync("x", default)).IsEqualTo(137);
    }

    internal static async Task<List<T>> ReadAsync<T>(IAsyncEnumerable<T> items)
    {
        List<T> list = [];
        await foreach (var item in items)
            list.Add(item);
        return list;
    }

    private static async Task<List<LogLine>> LogAsync(params byte[][] frames)
    {
        await using var fake = new FakePodman().On("GET", "containers/x/logs", async answer =>
        {
            await answer.BeginAsync();
            foreach (var frame in frames)
                await answer.ChunkAsync(frame);
            await answer.EndAsync();
        });
        using var podman = fake.Client();
        return await ReadAsync(podman.LogsAsync("x", new LogQuery(), default));
    }
}
