using Mcp.Podman;

namespace Mcp.Tests.Podman;

/// <summary>Commands in containers, over a podman that does not play along.</summary>
internal sealed class PodmanExecTests
{
    [Test]
    public async Task Output_of_both_streams_and_the_exit_code_come_back()
    {
        var polls = 0;
        await using var fake = Starting(async answer =>
        {
            await answer.RawAsync("HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n");
            await answer.RawAsync(Raw(FakeAnswer.Frame(1, "out\n")) + Raw(FakeAnswer.Frame(2, "err\n")));
            await answer.CutAsync();
        }).On("GET", "exec/s/json", answer => answer.TextAsync(200, $$"""{"Running":{{(polls++ < 3 ? "true" : "false")}},"ExitCode":3}"""));
        using var podman = fake.Client();
        var result = await podman.ExecAsync("x", ["sh", "-c", "a b"], TimeSpan.FromSeconds(20), default);
        await Assert.That(result.ExitCode).IsEqualTo(3);
        await Assert.That(result.Text).IsEqualTo("out\nerr\n");
        await Assert.That(result.Cut || result.TimedOut).IsFalse();
        await Assert.That(fake.Requests[0].Text).IsEqualTo("""{"Cmd":["sh","-c","a b"],"AttachStdout":true,"AttachStderr":true}""");
    }

    [Test]
    public async Task A_command_that_does_not_end_is_timed_out_with_what_it_said()
    {
        await using var fake = Starting(async answer =>
        {
            await answer.RawAsync("HTTP/1.1 200 OK\r\n\r\n" + Raw(FakeAnswer.Frame(1, "begun")));
            await answer.HangAsync();
        }).On("GET", "exec/s/json", 200, """{"Running":true,"Pid":1,"ContainerID":"x"}""");
        using var podman = fake.Client();
        var result = await podman.ExecAsync("x", ["sleep"], TimeSpan.FromMilliseconds(400), default);
        await Assert.That(result.TimedOut).IsTrue();
        await Assert.That(result.ExitCode).IsNull();
        await Assert.That(result.Text).IsEqualTo("begun");
    }

    [Test]
    public async Task Output_over_the_limit_is_read_and_dropped()
    {
        await using var fake = Starting(async answer =>
        {
            await answer.RawAsync("HTTP/1.1 200 OK\r\n\r\n");
            for (var i = 0; i < 100; i++)
                await answer.RawAsync(Raw(FakeAnswer.Frame(1, new string('x', 100))));
            await answer.CutAsync();
        }).On("GET", "exec/s/json", 200, """{"Running":false,"ExitCode":0}""");
        using var podman = fake.Client();
        var result = await podman.ExecAsync("x", ["yes"], TimeSpan.FromSeconds(20), default, outputLimit: 150);
        await Assert.That(result.Output.Length).IsEqualTo(150);
        await Assert.That(result.Cut).IsTrue();
        await Assert.That(result.ExitCode).IsEqualTo(0);
    }

    [Test]
    public async Task A_podman_that_dies_meanwhile_is_unreachable_and_no_exit_code_is_made_up()
    {
        await using var fake = Starting(async answer =>
        {
            await answer.RawAsync("HTTP/1.1 200 OK\r\n\r\n");
            await answer.CutAsync();
        }).On("GET", "exec/s/json", answer => answer.CutAsync());
        using var podman = fake.Client();
        var failure = await PodmanFaultTests.FailureOf(podman.ExecAsync("x", ["true"], TimeSpan.FromSeconds(20), default));
        await Assert.That(failure.Kind).IsEqualTo(PodmanFailure.Unreachable);
    }

    [Test]
    public async Task A_container_that_does_not_run_is_a_refusal()
    {
        await using var fake = new FakePodman().On("POST", "containers/x/exec", 409, """{"message":"can only create exec sessions on running containers"}""");
        using var podman = fake.Client();
        var failure = await PodmanFaultTests.FailureOf(podman.ExecAsync("x", ["true"], TimeSpan.FromSeconds(20), default));
        await Assert.That(failure.Kind).IsEqualTo(PodmanFailure.Refused);
    }

    private static FakePodman Starting(Func<FakeAnswer, Task> start) =>
        new FakePodman().On("POST", "containers/x/exec", 201, """{"Id":"s"}""").On("POST", "exec/s/start", start);

    private static string Raw(byte[] frame) => string.Concat(frame.Select(value => (char)value));
}
