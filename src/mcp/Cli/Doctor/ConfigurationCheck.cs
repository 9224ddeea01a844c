using Mcp.Errors;

namespace Mcp.Cli.Doctor;

/// <summary>Which configurations there are, and whether they can be read.</summary>
internal sealed class ConfigurationCheck() : DoctorCheck("files")
{
    /// <inheritdoc/>
    public override Task<IReadOnlyList<DoctorLine>> LookAsync(DoctorScene scene, CancellationToken cancel) => Task.FromResult<IReadOnlyList<DoctorLine>>([.. Lines(scene)]);

    private IEnumerable<DoctorLine> Lines(DoctorScene scene)
    {
        foreach (var broken in scene.Broken)
            yield return Error(Told(broken), broken.Hint ?? "correct the file");
        if (scene.Operator is { } human)
            yield return Ok($"operator: {human.Folder.ConfigFile}, master {human.MasterAddress}");
        if (scene.Agent is { } agent)
            yield return Ok($"agent: node {agent.Name}, role {agent.Role}, at {agent.Address}, data in {agent.DataRoot}");
        if (scene.Master is { } master)
            yield return Ok($"master: fleet {master.FleetName} ({master.Domain}) at {master.Address}");
        if (scene is { Operator: null, Agent: null, Master: null, Broken.Count: 0 })
            yield return Warning("this machine belongs to no fleet", "mcp login MASTER-ADDRESS for a person, mcp agent join MASTER-ADDRESS for a node, mcp master init for a new fleet");
    }

    private static string Told(McpException e) => e.Problems.Count > 0
        ? $"{e.Message}: {string.Join("; ", e.Problems.Select(p => p.ToString()))}"
        : e.Cause is null ? e.Message : $"{e.Message}: {e.Cause}";
}
