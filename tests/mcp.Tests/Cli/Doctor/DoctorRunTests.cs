using Mcp.Cli.Doctor;
using Mcp.Errors;

namespace Mcp.Tests.Cli.Doctor;

/// <summary>A doctor that breaks with what it looks at is of no use.</summary>
internal sealed class DoctorRunTests
{
    [Test]
    public async Task A_check_that_throws_or_hangs_is_a_line_and_the_others_hold()
    {
        using var bench = new CliBench();
        using var never = new ManualResetEventSlim();
        DoctorCheck[] checks =
        [
            new Scripted("good", _ => [new("good", Verdict.Ok, "fine")]),
            new Scripted("broken", _ => throw new InvalidOperationException("out of \u001b[31mcheese")),
            new Scripted("refused", _ => throw new McpException(FaultCode.Unavailable, "nobody is there") { Hint = "knock" }),
            new Scripted("stuck", _ =>
            {
                never.Wait(CancellationToken.None);
                return [];
            }),
            new Scripted("last", _ => [new("last", Verdict.Warning, "so so", "sleep")]),
        ];
        var lines = await DoctorRun.RunAsync(new DoctorScene { Context = bench.Context }, checks, TimeSpan.FromSeconds(1), CancellationToken.None);
        never.Set();
        await Assert.That(string.Join(' ', lines.Select(l => $"{l.Check}={l.Verdict}"))).IsEqualTo("good=Ok broken=Error refused=Error stuck=Error last=Warning");
        await Assert.That(lines[1].Message).Contains("cheese").And.DoesNotContain("\u001b");
        await Assert.That(lines[2].Remedy).IsEqualTo("knock");
        await Assert.That(lines[3].Message).Contains("within 1 s");
    }

    [Test]
    public async Task Every_check_has_a_name_of_its_own() =>
        await Assert.That(DoctorRun.All.Select(c => c.Name).Distinct().Count()).IsEqualTo(DoctorRun.All.Count);

    private sealed class Scripted(string name, Func<CancellationToken, IReadOnlyList<DoctorLine>> look) : DoctorCheck(name)
    {
        public override Task<IReadOnlyList<DoctorLine>> LookAsync(DoctorScene scene, CancellationToken cancel) => Task.FromResult(look(cancel));
    }
}
