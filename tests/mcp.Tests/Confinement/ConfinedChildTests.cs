using Google.Protobuf;
using Mcp.Confined.V1;
using Mcp.Confinement;
using Mcp.Confinement.Walls;
using Mcp.Errors;

namespace Mcp.Tests.Confinement;

public class ConfinedChildTests
{
    private static readonly CancellationToken None = CancellationToken.None;

    [Test]
    public async Task Nothing_outside_can_be_read_written_spoken_to_or_signalled()
    {
        using var outside = new TemporaryFolder();
        var secret = outside["secret"];
        await File.WriteAllTextAsync(secret, "of another service");
        var answer = await ProbeAsync(new ConfinedFolders(), new ProbeJob { Outside = secret });
        await Assert.That(answer.Internet).IsNotEmpty();
        await Assert.That(answer.Local).IsNotEmpty();
        await Assert.That(answer.Process).IsNotEmpty();
        if (Landlock.KernelVersion == 0)
        {
            await Assert.That(answer.Walls).Contains("no Landlock");
            return;
        }
        await Assert.That(answer.OutsideRead).IsNotEmpty();
        await Assert.That(answer.OutsideWrite).IsNotEmpty();
        await Assert.That(answer.Walls).Contains("Landlock");
    }

    [Test]
    public async Task A_planted_link_leads_nowhere_and_what_is_inside_can_be_read()
    {
        using var outside = new TemporaryFolder();
        using var inside = new TemporaryFolder();
        var secret = outside["secret"];
        await File.WriteAllTextAsync(secret, "of another service");
        await File.WriteAllTextAsync(inside["plain"], "ours");
        File.CreateSymbolicLink(inside["planted.db"], secret);
        Directory.CreateSymbolicLink(inside["folder"], outside.Path);
        var answer = await ProbeAsync(
            new ConfinedFolders { Reading = [inside.Path] },
            new ProbeJob { Outside = secret, Inside = { inside["plain"], inside["planted.db"], inside["folder/secret"] } });
        await Assert.That(answer.InsideRead[0]).IsEmpty();
        if (Landlock.KernelVersion == 0)
            return;
        await Assert.That(answer.InsideRead[1]).IsNotEmpty();
        await Assert.That(answer.InsideRead[2]).IsNotEmpty();
    }

    [Test]
    public async Task What_may_be_read_cannot_be_written()
    {
        if (Landlock.KernelVersion == 0)
            return;
        using var folder = new TemporaryFolder();
        var file = folder["plain"];
        await File.WriteAllTextAsync(file, "ours");
        var answer = await ProbeAsync(new ConfinedFolders { Reading = [folder.Path] }, new ProbeJob { Outside = file });
        await Assert.That(answer.OutsideRead).IsEmpty();
        await Assert.That(answer.OutsideWrite).IsNotEmpty();
        var staging = await ProbeAsync(new ConfinedFolders { Writing = [folder.Path] }, new ProbeJob { Outside = file });
        await Assert.That(staging.OutsideWrite).IsEmpty();
    }

    [Test]
    public async Task A_job_that_is_not_understood_is_a_fault_and_not_a_silence()
    {
        var fault = await Assert.ThrowsAsync<McpException>(() => ConfinedChild.RunAsync(ConfinedProgram.Own, new ConfinedFolders(), new ConfinedJob(), "does nothing", None));
        await Assert.That(fault!.Cause).Contains("no job of the kind");
    }

    [Test]
    public async Task A_folder_that_is_not_there_ends_it_before_it_reads_anything()
    {
        if (Landlock.KernelVersion == 0)
            return;
        var fault = await Assert.ThrowsAsync<McpException>(
            () => ProbeAsync(new ConfinedFolders { Reading = ["/nowhere/at/all"] }, new ProbeJob { Outside = "/etc/hostname" }));
        await Assert.That(fault!.Message).Contains("the confined process that tries its walls");
        await Assert.That(fault.Cause).Contains("/nowhere/at/all");
    }

    [Test]
    public async Task A_program_that_is_no_child_of_ours_is_told_with_what_it_said_bounded()
    {
        var shell = new ConfinedProgram("/bin/sh", ["/bin/sh", "-c", "head -c 100000 /dev/zero | tr '\\0' x >&2; exit 3"]);
        var fault = await Assert.ThrowsAsync<McpException>(
            () => ConfinedChild.RunAsync(shell, new ConfinedFolders(), new ConfinedJob { Probe = new ProbeJob() }, "is none", None));
        await Assert.That(fault!.Cause).StartsWith("exit code 3: xxx");
        await Assert.That(fault.Cause!.Length).IsLessThan(5000);
    }

    [Test]
    public async Task A_frame_that_is_none_is_refused_without_its_memory()
    {
        var shell = new ConfinedProgram("/bin/sh", ["/bin/sh", "-c", "printf '\\377\\377\\377\\177xxxx'; sleep 60"]);
        var fault = await Assert.ThrowsAsync<McpException>(
            () => ConfinedChild.RunAsync(shell, new ConfinedFolders(), new ConfinedJob { Probe = new ProbeJob() }, "lies", None));
        await Assert.That(fault!.InnerException!.Message).Contains("at most");
    }

    [Test]
    public async Task Cancellation_kills_it_with_what_started_it()
    {
        using var folder = new TemporaryFolder();
        var pid = folder["pid"];
        var shell = new ConfinedProgram("/bin/sh", ["/bin/sh", "-c", $"sleep 600 & echo $! > {pid}; wait"]);
        using var cancel = new CancellationTokenSource();
        var running = ConfinedChild.RunAsync(shell, new ConfinedFolders(), new ConfinedJob { Probe = new ProbeJob() }, "waits", cancel.Token);
        var begun = DateTime.UtcNow.AddSeconds(20);
        while (DateTime.UtcNow < begun && (!File.Exists(pid) || (await File.ReadAllTextAsync(pid, None)).Length == 0))
            await Task.Delay(10);
        await cancel.CancelAsync();
        await Assert.That(async () => await running).Throws<OperationCanceledException>();
        var sleeper = (await File.ReadAllTextAsync(pid, None)).Trim();
        var deadline = DateTime.UtcNow.AddSeconds(20);
        while (IsAlive(sleeper) && DateTime.UtcNow < deadline)
            await Task.Delay(10);
        await Assert.That(IsAlive(sleeper)).IsFalse();
    }

    [Test]
    public async Task Data_that_nobody_reads_waits_and_a_child_that_is_gone_is_told()
    {
        var shell = new ConfinedProgram("/bin/sh", ["/bin/sh", "-c", "exec 0<&-; exit 7"]);
        var fault = await Assert.ThrowsAsync<McpException>(async () =>
        {
            await using var child = await ConfinedChild.StartAsync(shell, new ConfinedFolders(), new ConfinedJob { Probe = new ProbeJob() }, "leaves", None);
            var data = ByteString.CopyFrom(new byte[Frames.Chunk]);
            for (var i = 0; i < 100; i++)
                await child.SendAsync(data, None);
        });
        await Assert.That(fault!.Cause).StartsWith("exit code 7");
    }

    // A dead one that nobody has waited for yet is dead.
    private static bool IsAlive(string pid)
    {
        try
        {
            return !File.ReadAllText($"/proc/{pid}/stat").Contains(") Z ", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static async Task<ProbeResult> ProbeAsync(ConfinedFolders folders, ProbeJob job) =>
        (await ConfinedChild.RunAsync(ConfinedProgram.Own, folders, new ConfinedJob { Probe = job }, "tries its walls", None)).Probe;
}
