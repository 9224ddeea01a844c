using System.Diagnostics;
using System.Globalization;
using Mcp.Errors;
using Mcp.Podman;
using Mcp.Processes;
using Microsoft.Extensions.Logging.Abstractions;

namespace Mcp.Tests.Podman;

/// <summary>The service of our own, with the shell in podman's place.</summary>
internal sealed class PodmanServiceTests
{
    [Test]
    public async Task The_output_can_be_emptied_while_the_child_writes()
    {
        using var folder = new TemporaryFolder();
        var child = ChildProcess.Start("/bin/sh", ["-c", "head -c 5000 /dev/zero; while [ ! -e \"$GO\" ]; do sleep 0.05; done; echo after"], [new("PATH", "/usr/bin:/bin"), new("GO", folder["go"])], folder["out"]);
        var patience = Stopwatch.StartNew();
        while (new FileInfo(folder["out"]).Length < 5000 && patience.Elapsed < TimeSpan.FromSeconds(20))
            await Task.Delay(20);
        ServiceCommand.Bound(folder["out"], limit: 10_000);
        await Assert.That(new FileInfo(folder["out"]).Length).IsEqualTo(5000);
        ServiceCommand.Bound(folder["out"], limit: 4000);
        await File.WriteAllTextAsync(folder["go"], "");
        await child.Exited.WaitAsync(TimeSpan.FromSeconds(20));
        await Assert.That(await File.ReadAllTextAsync(folder["out"])).IsEqualTo("after\n");
    }

    [Test]
    public async Task A_host_without_podman_is_told_how_to_get_it()
    {
        using var folder = new TemporaryFolder();
        var failure = await Assert.That(async () => await StartAsync(folder, "no-such-podman")).Throws<McpException>();
        await Assert.That(failure!.Code).IsEqualTo(FaultCode.FailedPrecondition);
        await Assert.That(failure.Hint!).Contains("install podman");
    }

    [Test]
    public async Task A_podman_that_ends_at_once_is_reported_in_its_own_words()
    {
        using var folder = new TemporaryFolder();
        var failure = await Assert.That(async () => await StartAsync(folder, "/bin/sh", "echo 'Error: no space left' >&2; exit 125")).Throws<McpException>();
        await Assert.That(failure!.Message).Contains("ended at once");
        await Assert.That(failure.Cause!).Contains("no space left");
        await Assert.That(failure.Hint!).Contains("info");
    }

    [Test]
    public async Task A_podman_that_never_answers_is_ended_and_reported()
    {
        using var folder = new TemporaryFolder();
        var failure = await Assert.That(async () => await StartAsync(folder, "/bin/sh", $"echo $$ > {folder["pid"]}; exec sleep 600")).Throws<McpException>();
        await Assert.That(failure!.Message).Contains("does not answer");
        await Assert.That(Directory.Exists($"/proc/{(await File.ReadAllTextAsync(folder["pid"])).Trim()}")).IsFalse();
    }

    [Test]
    public async Task A_file_in_the_sockets_place_is_not_deleted()
    {
        using var folder = new TemporaryFolder();
        await File.WriteAllTextAsync(folder["podman.sock"], "precious");
        await Assert.That(async () => await StartAsync(folder, "/bin/sh", "exit 0")).Throws<McpException>();
        await Assert.That(await File.ReadAllTextAsync(folder["podman.sock"])).IsEqualTo("precious");
    }

    [Test]
    public async Task A_socket_of_another_program_is_left_to_it()
    {
        await using var fake = new FakePodman();
        var failure = await Assert.That(async () => await PodmanService.StartAsync(
            new PodmanServiceOptions { SocketPath = fake.SocketPath, Program = "/bin/sh", GlobalArguments = ["-c", "exit 0"] }, TimeProvider.System, NullLogger.Instance, default)).Throws<McpException>();
        await Assert.That(failure!.Message).Contains(Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
        await Assert.That(File.Exists(fake.SocketPath)).IsTrue();
    }

    [Test]
    [NotInParallel("environment")]
    public async Task The_service_gets_nothing_that_systemd_gave_to_us_alone()
    {
        string[] ours = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "CONTAINER_HOST"];
        foreach (var name in ours)
            Environment.SetEnvironmentVariable(name, "x");
        try
        {
            var names = ServiceCommand.Environment(new Dictionary<string, string>()).Select(pair => pair.Key).ToList();
            await Assert.That(names.Intersect(ours)).IsEmpty();
            await Assert.That(names).Contains("PATH");
        }
        finally
        {
            foreach (var name in ours)
                Environment.SetEnvironmentVariable(name, null);
        }
    }

    private static Task<PodmanService> StartAsync(TemporaryFolder folder, string program, string? script = null) => PodmanService.StartAsync(
        new PodmanServiceOptions
        {
            SocketPath = folder["podman.sock"],
            Program = program,
            GlobalArguments = script is null ? [] : ["-c", script],
            ReadyWithin = TimeSpan.FromMilliseconds(500),
        }, TimeProvider.System, NullLogger.Instance, default);
}
