using ConsoleAppFramework;
using Mcp.Cli.Connecting;
using Mcp.Cli.Output;
using Mcp.Cli.Output.Json;
using Mcp.V1;

namespace Mcp.Cli;

/// <summary>The certificates that the fleet issued.</summary>
internal sealed class CertCommand(CommandContext context)
{
    /// <summary>Lists the fleet's certificates with the days they have left.</summary>
    /// <param name="json">print JSON</param>
    /// <param name="cancel">Ctrl-C.</param>
    [Command("list")]
    public async Task List(bool json = false, CancellationToken cancel = default)
    {
        using var link = await FleetLink.OpenAsync(context, cancel);
        var answer = await link.Master.CertListAsync(new CertListRequest(), cancellationToken: cancel);
        var found = answer.Certificates.Select(c => new CertificateDocument(c.Subject, c.Kind, c.Node, c.Source, c.Serial, c.NotBefore, c.NotAfter)).ToList();
        if (json)
        {
            context.Screen.Json(new CertificatesDocument(found), CliJson.Default.CertificatesDocument);
            return;
        }
        var listing = new Listing("SUBJECT", "KIND", "NODE", "SOURCE", "VALID", "SERIAL");
        foreach (var c in found.OrderBy(c => c.NotAfter, StringComparer.Ordinal))
            listing.Add(c.Subject, c.Kind, c.Node, c.Source, Measures.Left(c.NotAfter, context.Clock), c.Serial);
        context.Screen.Table(listing, "no certificates");
    }
}
