using System.Globalization;
using Mcp.Errors;

namespace Mcp.Cli.Doctor;

/// <summary>Whether the master and the agents answer, as the ones they should be, at every address that is written down for them.</summary>
internal sealed class PeersCheck() : DoctorCheck("peers")
{
    /// <inheritdoc/>
    public override async Task<IReadOnlyList<DoctorLine>> LookAsync(DoctorScene scene, CancellationToken cancel)
    {
        var lines = new List<DoctorLine>();
        foreach (var peer in (await scene.PeersAsync(cancel)).GroupBy(p => (p.Name, p.Source)))
            lines.AddRange(Judge([.. peer]));
        if (scene.Operator is { Nodes.Count: 0 } human)
        {
            lines.Add(Warning($"{human.Folder.ConfigFile} names no nodes: with the master down, --direct reaches none from here",
                "add a [[nodes]] with name and address for each node; mcp node list shows them"));
        }
        return lines;
    }

    /// <summary>The verdict on all addresses of one peer: one that does not answer among several is a warning, none that answers an error.</summary>
    public IEnumerable<DoctorLine> Judge(IReadOnlyList<PeerAnswer> addresses)
    {
        var reached = addresses.Any(a => a.Fault is null);
        foreach (var a in addresses)
        {
            if (a.Fault is not { } fault)
                yield return Ok(string.Create(CultureInfo.InvariantCulture, $"{a.Name} answers at {a.Address} ({a.Source}, {a.RoundTrip.TotalMilliseconds:0.0} ms)"));
            else if (reached)
                yield return Warning($"{a.Name} does not answer at {a.Address}, one of its addresses in {a.Source}: {Why(fault)}", fault.Hint ?? $"correct {a.Source}");
            else
                yield return Error($"{a.Name} does not answer at {a.Address} ({a.Source}): {Why(fault)}", fault.Hint ?? $"correct {a.Source}");
        }
    }

    private static string Why(McpException fault) => fault.Cause is null ? fault.Message : $"{fault.Message}: {fault.Cause}";
}
