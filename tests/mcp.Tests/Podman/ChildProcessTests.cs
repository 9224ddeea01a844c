using System.Diagnostics;
using System.Globalization;
using Mcp.Errors;
using Mcp.Podman;
using Microsoft.Extensions.Logging.Abstractions;

namespace Mcp.Tests.Podman;

/// <summary>The child and the service around it, with the shell in podman's place.</summary>
internal sealed class ChildProcessTests
{
    [Test]
    public async Task A_child_has_its_output_in_a_file_its_own_session_and_an_exit_code()
    {
        using var folder = new TemporaryFolder();
        var child = ChildProcess.Start(
            "/bin/sh", ["-c", "cut -d' ' -f1,5,6 /proc/$$/stat; echo \"$WORD\" >&2; exit 3"], [new("PATH", "/usr/bin:/bin"), new("WORD", "grün")], folder["out"]);
        await Assert.That(await child.Exited.WaitAsync(TimeSpan.FromSeconds(20))).IsEqualTo(3);
        var pid = child.Pid.ToString(CultureInfo.InvariantCulture);
        await Assert.That(await File.ReadAllTextAsync(folder["out"])).IsEqualTo($"{pid} {pid} {pid}\ngrün\n");
        await Assert.That(File.GetUnixFileMode(folder["out"])).IsEqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    [Test]
    public async Task A_child_starts_with_the_default_signals()
    {
        using var folder = new TemporaryFolder();
        var child = ChildProcess.Start("/bin/sh", ["-c", "grep -E '^Sig(Blk|Ign)' /proc/self/status; kill -TERM $$; sleep 60"], [], folder["out"]);
        await Assert.That(await child.Exited.WaitAsync(TimeSpan.FromSeconds(20))).IsEqualTo(128 + 15);
        foreach (var line in await File.ReadAllLinesAsync(folder["out"]))
        {
            // Signals 1 to 31; 32 and 33 belong to the C library. SIGPIPE, number 13, is what .NET ignores.
            var mask = ulong.Parse(line.Split('\t')[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            await Assert.That(mask & 0x7fffffff).IsEqualTo(0ul);
        }
    }

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
    public async Task A_program_that_is_not_there_is_said_so()
    {
        using var folder = new TemporaryFolder();
        var failure = await Assert.That(() => ChildProcess.Start(folder["none"], [], [], folder["out"])).Throws<McpException>();
        await Assert.That(failure!.Message).Contains(folder["none"]);
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
