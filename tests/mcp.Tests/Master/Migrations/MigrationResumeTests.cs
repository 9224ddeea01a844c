using Mcp.Errors;
using Mcp.Master.Deployments;
using Mcp.Master.Migrations;
using Mcp.V1;

namespace Mcp.Tests.Master.Migrations;

/// <summary>What a process does with a migration that another one left open, as a table: state × what the target says.</summary>
public class MigrationResumeTests
{
    [Test]
    public async Task Before_the_deploy_it_goes_back_after_the_commit_forward_and_between_the_target_decides()
    {
        AgentOutcome succeeded = new AgentOutcome.Succeeded(new Operation(), null), failed = new AgentOutcome.Failed(new McpException(FaultCode.Aborted, "x"), true, []);
        AgentOutcome never = new AgentOutcome.NeverArrived(), running = new AgentOutcome.Running(), unknown = new AgentOutcome.Unknown(new McpException(FaultCode.Unavailable, "x"));
        MigrationState[] before = [MigrationState.Validated, MigrationState.Stopped, MigrationState.Imported, MigrationState.Healthy];
        MigrationState[] after = [MigrationState.Committed, MigrationState.Routed, MigrationState.Edged, MigrationState.Done, MigrationState.Reaped];
        AgentOutcome?[] all = [null, succeeded, failed, never, running, unknown];
        bool?[] answers = [null, true, false];
        foreach (var (said, healthy) in all.SelectMany(o => answers.Select(h => (o, h))))
        {
            foreach (var state in after)
                await Assert.That(MigrationResume.Decide(state, true, said, healthy)).IsEqualTo(ResumeWay.Forward);
            await Assert.That(MigrationResume.Decide(MigrationState.Back, true, said, healthy)).IsEqualTo(ResumeWay.Back).Because("a way back is gone to its end");
            foreach (var state in before)
                await Assert.That(MigrationResume.Decide(state, false, said, healthy)).IsEqualTo(ResumeWay.Back).Because($"{state}: the target was never asked for a container");
        }
        foreach (var state in new[] { MigrationState.Imported, MigrationState.Healthy })
        {
            await Assert.That(MigrationResume.Decide(state, true, succeeded, true)).IsEqualTo(ResumeWay.Forward);
            await Assert.That(MigrationResume.Decide(state, true, succeeded, false)).IsEqualTo(ResumeWay.Back);
            await Assert.That(MigrationResume.Decide(state, true, succeeded, null)).IsEqualTo(ResumeWay.Wait);
            await Assert.That(MigrationResume.Decide(state, true, failed, null)).IsEqualTo(ResumeWay.Back);
            await Assert.That(MigrationResume.Decide(state, true, never, null)).IsEqualTo(ResumeWay.Back);
            await Assert.That(MigrationResume.Decide(state, true, running, null)).IsEqualTo(ResumeWay.Wait).Because("two copies must not run");
            await Assert.That(MigrationResume.Decide(state, true, unknown, null)).IsEqualTo(ResumeWay.Wait);
        }
    }
}
