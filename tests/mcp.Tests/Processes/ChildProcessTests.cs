using System.Globalization;
using Mcp.Errors;
using Mcp.Processes;

namespace Mcp.Tests.Processes;

/// <summary>Children of real shells.</summary>
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
    public async Task A_program_that_is_not_there_is_said_so()
    {
        using var folder = new TemporaryFolder();
        var failure = await Assert.That(() => ChildProcess.Start(folder["none"], [], [], folder["out"])).Throws<McpException>();
        await Assert.That(failure!.Message).Contains(folder["none"]);
    }
}
