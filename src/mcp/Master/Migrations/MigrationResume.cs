using Mcp.Master.Deployments;

namespace Mcp.Master.Migrations;

/// <summary>What a process does with a migration that another one left open.</summary>
internal enum ResumeWay
{
    /// <summary>Go on where it stopped.</summary>
    Forward,

    /// <summary>Take back what was done; the source starts again.</summary>
    Back,

    /// <summary>Only the target knows, and it does not answer or is still at it.</summary>
    Wait,
}

/// <summary>
/// The decision of SPEC §12 about a killed migration; pure. Before 6: forward if the target's containers were made and still answer healthy, else
/// back; a way back that has begun is gone to its end; after 6 forward.
/// </summary>
internal static class MigrationResume
{
    /// <summary>Decides.</summary>
    /// <param name="state">The last step that is done.</param>
    /// <param name="deployCalled">The target may have got the deploy.</param>
    /// <param name="deploy">What the target says of that deploy; null: it was not asked.</param>
    /// <param name="healthy">Whether its containers answer healthy now; null: it was not asked, or does not say.</param>
    public static ResumeWay Decide(MigrationState state, bool deployCalled, AgentOutcome? deploy, bool? healthy) => state switch
    {
        MigrationState.Back or MigrationState.Undone => ResumeWay.Back,
        MigrationState.Committed or MigrationState.Routed or MigrationState.Edged or MigrationState.Done or MigrationState.Reaped => ResumeWay.Forward,
        // No container was ever asked for on the target.
        _ when !deployCalled => ResumeWay.Back,
        _ => deploy switch
        {
            AgentOutcome.Succeeded when healthy is null => ResumeWay.Wait,
            AgentOutcome.Succeeded => healthy.Value ? ResumeWay.Forward : ResumeWay.Back,
            AgentOutcome.Failed or AgentOutcome.NeverArrived => ResumeWay.Back,
            _ => ResumeWay.Wait,
        },
    };
}
