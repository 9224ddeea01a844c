using Mcp.EndToEnd.Harness;

namespace Mcp.EndToEnd.Crashes;

/// <summary>
/// System calls that fail under a deploy, from a moment on that is drawn by the seed: a disk with errors, a full one, no descriptor, no memory.
/// The deploy ends with words, the role recovers by itself (or is started again where it had no memory to live on), and the invariants hold.
/// </summary>
internal sealed class FailingCallsTests
{
    private static readonly (string Calls, string Error)[] Failures =
    [
        ("fsync,fdatasync", "EIO"),
        ("pwrite64,write,ftruncate,fallocate", "ENOSPC"),
        ("openat,socket,accept4,dup,pipe2,eventfd2", "EMFILE"),
        ("mmap,mremap,brk", "ENOMEM"),
    ];

    [Test]
    public async Task A_role_whose_calls_fail_says_so_and_recovers()
    {
        var random = new Random(LongRun.Seed);
        await using var fleet = await SplitFleet.StartAsync();
        var service = fleet.Unique("fails");
        var invariants = new Invariants(fleet, service);
        var round = 1;
        (await fleet.RunAsync("deploy", service, "-f", SlowService.Define(fleet, service, round))).OrThrow();
        for (var time = 0; time < (LongRun.Is ? 10 : 1); time++)
        {
            foreach (var (calls, error) in Failures)
            {
                foreach (var role in new[] { fleet.Agent, fleet.Master })
                {
                    // The first half second of a deploy is where most is written.
                    var moment = TimeSpan.FromMilliseconds(random.Next(0, 900));
                    var because = $"{error} of the {(role == fleet.Agent ? "agent" : "master")} from {moment.TotalMilliseconds:0} ms on (MCP_SEED={LongRun.Seed})";
                    var file = SlowService.Define(fleet, service, ++round, seconds: 1);
                    var deploy = fleet.RunAsync("deploy", service, "-f", file, "--overwrite");
                    await Task.Delay(moment);
                    await using (await FailingCalls.AttachAsync(role, calls, error))
                        await Task.WhenAny(deploy, Task.Delay(TimeSpan.FromSeconds(4)));
                    if (!role.IsRunning)
                    {
                        // Its unit would do this; only without memory may it come to that.
                        await Assert.That(error).IsEqualTo("ENOMEM").Because($"{because}: it ended: {role.Printed}");
                        await role.EndedAsync();
                        role.Start();
                    }
                    var disturbed = await deploy;
                    if (disturbed.ExitCode != 0)
                        await Assert.That(disturbed.Errors).Contains("error: ").And.Contains("next: ").Because($"{because}: {disturbed}");
                    TestContext.Current?.OutputWriter.WriteLine($"{because}: {(disturbed.ExitCode == 0 ? "done" : disturbed.Errors.Trim().ReplaceLineEndings(" | "))}");
                    await fleet.UntilHealthyAsync();
                    var again = await fleet.RunAsync("deploy", service, "-f", file, "--overwrite");
                    await Assert.That(again.ExitCode).IsEqualTo(0).Because($"{because}: {again}\nthe disturbed one: {disturbed}\n{role.Printed}");
                    await invariants.CheckAsync(Settled.Running, $"{round}", [disturbed, again], because);
                }
            }
        }
    }

    [Test]
    public async Task A_snapshot_that_a_failing_disk_refuses_says_so_and_leaves_nothing_in_staging()
    {
        await using var fleet = await SplitFleet.StartAsync();
        var service = fleet.Unique("refused");
        (await fleet.RunAsync("deploy", service, "-f", SlowService.Define(fleet, service, 1))).OrThrow();
        (await fleet.RunAsync("snapshot", service)).OrThrow();
        CommandResult refused;
        await using (await FailingCalls.AttachAsync(fleet.Agent, "fsync,fdatasync", "EIO"))
            refused = await fleet.RunAsync("snapshot", service);
        await Assert.That(refused.ExitCode).IsEqualTo(1).Because($"{refused}");
        await Assert.That(refused.Errors).Contains(".mcp/staging").And.Contains("next: ").Because($"{refused}");
        // Not by the agent's next start.
        await Assert.That(Directory.GetFileSystemEntries(Path.Combine(fleet.DataRoot, ".mcp", "staging"))).IsEmpty().Because($"{refused}");
        (await fleet.RunAsync("snapshot", service)).OrThrow();
    }
}
