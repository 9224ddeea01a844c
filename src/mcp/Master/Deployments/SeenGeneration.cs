using Mcp.Definitions;
using Mcp.Errors;
using Mcp.V1;

namespace Mcp.Master.Deployments;

/// <summary>
/// A deploy says which generation its caller last saw. If somebody else has deployed since, it is refused with who, when and the difference, so
/// that nobody's change is lost unread. An equal spec loses nothing and passes.
/// </summary>
internal static class SeenGeneration
{
    private const int MostChanges = 20;

    /// <summary>Refuses a deploy over a generation that its caller has not seen.</summary>
    /// <exception cref="McpException">FailedPrecondition.</exception>
    public static void Check(PlacementRow? current, ServiceSpec wanted, string wantedHash, ulong seen, bool overwrite, string kind = "deploy")
    {
        if (current is null or { Pending: true } || overwrite || seen == current.Generation || wantedHash == current.SpecHash)
            return;
        var changes = SpecDifference.Between(current.Spec, wanted);
        var lines = changes.Take(MostChanges).Select(c => $"{c.Path}: {Shown(c.Old)} → {Shown(c.New)}").ToList();
        if (changes.Count > MostChanges)
            lines.Add($"and {changes.Count - MostChanges} more");
        throw new McpException(
            FaultCode.FailedPrecondition,
            seen == 0
                ? $"{current.Service} is deployed already (generation {current.Generation} by {current.Principal} at {current.At}), which this {kind} has not seen"
                : $"{current.Service} was deployed by {current.Principal} at {current.At} (generation {current.Generation}); this {kind} last saw generation {seen}")
        {
            Cause = "the deployed spec differs from this one, deployed → yours: " + string.Join("; ", lines),
            Hint = $"look at what is deployed: mcp service show {current.Service}; then go over it: mcp {kind} {current.Service} --overwrite",
        };
    }

    /// <summary>Refuses to go on with a plan whose service was deployed anew since.</summary>
    /// <exception cref="McpException">FailedPrecondition.</exception>
    public static void RequirePlanned(PlacementRow current, ulong? planned)
    {
        if (planned is null || planned == current.Generation)
            return;
        throw new McpException(FaultCode.FailedPrecondition, $"{current.Service} was deployed by {current.Principal} at {current.At} (generation {current.Generation}); the plan saw generation {planned}, so it was left alone")
        {
            Hint = "mcp plan",
        };
    }

    private static string Shown(string value) => value.Length == 0 ? "(none)" : value;
}
