using System.Diagnostics;
using System.Net.Sockets;
using Mcp.Errors;
using Mcp.Podman;

namespace Mcp.Tests.Podman;

/// <summary>F27: whatever podman does, a call ends soon, with a failure of the right kind that says what to do.</summary>
internal sealed class PodmanFaultTests
{
    [Test]
    public async Task A_missing_socket_is_unreachable_and_says_what_to_look_at()
    {
        using var folder = new TemporaryFolder();
        using var podman = new PodmanClient(folder["none.sock"]);
        var failure = await FailureOf(podman.InfoAsync(default));
        await Assert.That(failure.Kind).IsEqualTo(PodmanFailure.Unreachable);
        await Assert.That(failure.Hint!).Contains("podman.socket");
        await Assert.That(failure.Message).Contains(folder["none.sock"]);
        await Assert.That(failure.ToFault("list").Code).IsEqualTo(FaultCode.Unavailable);
    }

    [Test]
    public async Task A_socket_on_which_nobody_listens_is_unreachable()
    {
        using var folder = new TemporaryFolder();
        using (var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            socket.Bind(new UnixDomainSocketEndPoint(folder["a.sock"]));
            // .NET removes the file of a socket that it closes; a killed process does not.
            File.Move(folder["a.sock"], folder["b.sock"]);
        }
        using var podman = new PodmanClient(folder["b.sock"]);
        await Assert.That((await FailureOf(podman.PingAsync(default))).Kind).IsEqualTo(PodmanFailure.Unreachable);
    }

    [Test]
    public async Task A_podman_that_hangs_ends_in_a_timeout_and_not_before_its_time()
    {
        await using var fake = new FakePodman().On("GET", "info", answer => answer.HangAsync());
        using var podman = fake.Client(FakePodman.Quick with { Read = TimeSpan.FromMilliseconds(300) });
        var clock = Stopwatch.StartNew();
        var failure = await FailureOf(podman.InfoAsync(default));
        await Assert.That(failure.Kind).IsEqualTo(PodmanFailure.TimedOut);
        await Assert.That(failure.EffectUnknown).IsTrue();
        await Assert.That(clock.Elapsed).IsGreaterThanOrEqualTo(TimeSpan.FromMilliseconds(290));
        await Assert.That(failure.ToFault("x").Code).IsEqualTo(FaultCode.DeadlineExceeded);
    }

    [Test]
    public async Task What_podman_is_is_asked_once_for_each_of_its_versions()
    {
        await using var fake = new FakePodman().On("GET", "_ping", answer => answer.PongAsync("4.3.1")).On("GET", "info", 200, """{"version":{"Version":"4.3.1"}}""");
        using var podman = fake.Client();
        int Asked() => fake.Requests.Count(r => r.Path == "info");
        await Assert.That((await podman.HostAsync(default)).Version).IsEqualTo("4.3.1");
        await Assert.That((await podman.HostAsync(default)).Version).IsEqualTo("4.3.1");
        await Assert.That(Asked()).IsEqualTo(1);
        fake.On("GET", "_ping", answer => answer.PongAsync("5.0.0")).On("GET", "info", 200, """{"version":{"Version":"5.0.0"}}""");
        await Assert.That((await podman.HostAsync(default)).Version).IsEqualTo("5.0.0");
        await Assert.That(Asked()).IsEqualTo(2);
        // One that does not say which it is may be another each time.
        fake.On("GET", "_ping", answer => answer.TextAsync(200, "OK"));
        await podman.HostAsync(default);
        await podman.HostAsync(default);
        await Assert.That(Asked()).IsEqualTo(4);
    }

    [Test]
    public async Task A_podman_that_hangs_in_the_middle_of_its_answer_ends_in_a_timeout()
    {
        await using var fake = new FakePodman().On("GET", "info", async answer =>
        {
            await answer.RawAsync("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"host\":");
            await answer.HangAsync();
        });
        using var podman = fake.Client(FakePodman.Quick with { Read = TimeSpan.FromMilliseconds(300) });
        await Assert.That((await FailureOf(podman.InfoAsync(default))).Kind).IsEqualTo(PodmanFailure.TimedOut);
    }

    [Test]
    public async Task The_callers_own_cancellation_stays_a_cancellation()
    {
        await using var fake = new FakePodman().On("GET", "info", answer => answer.HangAsync());
        using var podman = fake.Client();
        using var patience = new CancellationTokenSource(TimeSpan.FromMilliseconds(100));
        await Assert.That(async () => await podman.InfoAsync(patience.Token)).Throws<OperationCanceledException>();
    }

    [Test]
    public async Task A_500_carries_podmans_own_words_made_printable()
    {
        await using var fake = new FakePodman().On("POST", "containers/x/start", 500, """{"cause":"c","message":"no space left \u001b]52;c;x\u0007 on device","response":500}""");
        using var podman = fake.Client();
        var failure = await FailureOf(podman.StartContainerAsync("x", default));
        await Assert.That(failure.Kind).IsEqualTo(PodmanFailure.Refused);
        await Assert.That(failure.Status).IsEqualTo(500);
        await Assert.That(failure.Reason!).IsEqualTo("no space left \\u{1b}]52;c;x\\u{07} on device");
        await Assert.That(failure.EffectUnknown).IsTrue();
        await Assert.That(failure.ToFault("start of x").Cause!).Contains("no space left");
    }

    [Test]
    public async Task A_refusal_in_another_language_is_quoted_and_bounded()
    {
        await using var fake = new FakePodman().On("GET", "info", 502, "<html>" + new string('x', 100_000));
        using var podman = fake.Client();
        var failure = await FailureOf(podman.InfoAsync(default));
        await Assert.That(failure.Reason!).StartsWith("<html>");
        await Assert.That(failure.Reason!.Length).IsLessThan(2100);
    }

    [Test]
    [Arguments("{\"host\":")]
    [Arguments("OK")]
    [Arguments("[1,2")]
    [Arguments("\u0000\u0001")]
    public async Task An_answer_that_is_no_JSON_is_malformed(string body)
    {
        await using var fake = new FakePodman().On("GET", "info", 200, body);
        using var podman = fake.Client();
        await Assert.That((await FailureOf(podman.InfoAsync(default))).Kind).IsEqualTo(PodmanFailure.Malformed);
    }

    [Test]
    public async Task An_empty_answer_where_one_is_due_is_malformed()
    {
        await using var fake = new FakePodman().On("GET", "info", 200, "");
        using var podman = fake.Client();
        await Assert.That((await FailureOf(podman.InfoAsync(default))).Kind).IsEqualTo(PodmanFailure.Malformed);
    }

    [Test]
    public async Task Deeply_nested_JSON_is_malformed_and_not_a_crash()
    {
        await using var fake = new FakePodman().On("GET", "info", 200, new string('[', 100_000));
        using var podman = fake.Client();
        await Assert.That((await FailureOf(podman.InfoAsync(default))).Kind).IsEqualTo(PodmanFailure.Malformed);
    }

    [Test]
    public async Task An_answer_announced_with_100_MB_is_refused_at_once()
    {
        await using var fake = new FakePodman().On("GET", "containers/x/json", answer => answer.RawAsync("HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n{"));
        using var podman = fake.Client();
        await Assert.That((await FailureOf(podman.InspectContainerAsync("x", default))).Kind).IsEqualTo(PodmanFailure.TooLarge);
    }

    [Test]
    public async Task A_hundred_megabytes_without_announcement_are_refused_without_being_kept()
    {
        var sent = 0L;
        await using var fake = new FakePodman().On("GET", "containers/x/json", async answer =>
        {
            await answer.BeginAsync();
            var chunk = new byte[64 * 1024];
            Array.Fill(chunk, (byte)'[');
            for (; sent < 100 * 1024 * 1024; sent += chunk.Length)
                await answer.ChunkAsync(chunk);
            await answer.EndAsync();
        });
        using var podman = fake.Client(FakePodman.Quick with { Read = TimeSpan.FromSeconds(30), AnswerBytes = 1024 * 1024 });
        await Assert.That((await FailureOf(podman.InspectContainerAsync("x", default))).Kind).IsEqualTo(PodmanFailure.TooLarge);
        await Assert.That(sent).IsLessThan(10 * 1024 * 1024);
    }

    [Test]
    public async Task An_answer_that_is_cut_is_unreachable_and_never_half_an_answer()
    {
        await using var fake = new FakePodman().On("GET", "containers/json", async answer =>
        {
            await answer.RawAsync("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[]");
            await answer.CutAsync();
        });
        using var podman = fake.Client();
        await Assert.That((await FailureOf(podman.ListContainersAsync(null, default))).Kind).IsEqualTo(PodmanFailure.Unreachable);
    }

    [Test]
    public async Task Hanging_up_without_a_word_is_unreachable()
    {
        await using var fake = new FakePodman().On("POST", "containers/x/start", answer => answer.CutAsync());
        using var podman = fake.Client();
        await Assert.That((await FailureOf(podman.StartContainerAsync("x", default))).Kind).IsEqualTo(PodmanFailure.Unreachable);
    }

    [Test]
    public async Task Garbage_instead_of_HTTP_is_unreachable()
    {
        await using var fake = new FakePodman().On("GET", "info", async answer =>
        {
            await answer.RawAsync("SSH-2.0-OpenSSH_9.2\r\n");
            await answer.CutAsync();
        });
        using var podman = fake.Client();
        await Assert.That((await FailureOf(podman.InfoAsync(default))).Kind).IsEqualTo(PodmanFailure.Unreachable);
    }

    [Test]
    public async Task A_thousand_kilobytes_of_headers_are_refused()
    {
        await using var fake = new FakePodman().On("GET", "info", async answer =>
        {
            await answer.RawAsync("HTTP/1.1 200 OK\r\n" + string.Concat(Enumerable.Range(0, 10_000).Select(i => $"x-{i}: {new string('y', 100)}\r\n")) + "\r\n");
            await answer.CutAsync();
        });
        using var podman = fake.Client();
        await Assert.That((await FailureOf(podman.InfoAsync(default))).Kind).IsEqualTo(PodmanFailure.Unreachable);
    }

    [Test]
    public async Task Calls_share_one_connection()
    {
        await using var fake = new FakePodman().On("GET", "containers/json", 200, "[]");
        using var podman = fake.Client();
        for (var i = 0; i < 20; i++)
            await podman.ListContainersAsync(null, default);
        await Assert.That(fake.Connections).IsEqualTo(1);
    }

    [Test]
    public async Task A_failed_call_does_not_spoil_the_next()
    {
        await using var fake = new FakePodman().On("GET", "info", answer => answer.CutAsync()).On("GET", "containers/json", 200, "[]");
        using var podman = fake.Client();
        for (var i = 0; i < 3; i++)
        {
            await FailureOf(podman.InfoAsync(default));
            await Assert.That(await podman.ListContainersAsync(null, default)).IsEmpty();
        }
    }

    internal static async Task<PodmanException> FailureOf(Task call)
    {
        try
        {
            await call;
        }
        catch (PodmanException e)
        {
            return e;
        }
        throw new InvalidOperationException("the call succeeded");
    }
}
