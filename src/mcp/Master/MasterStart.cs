using Mcp.Errors;
using Mcp.Master.Configuration;
using Mcp.Master.Deployments;
using Mcp.Master.Identity;
using Mcp.Master.Migrations;
using Mcp.Master.Recovery;
using Mcp.Master.Registration;
using Mcp.Processes;
using Mcp.Sqlite;
using Mcp.Text;

namespace Mcp.Master;

/// <summary>What the start of a master needs beside its parts.</summary>
/// <param name="Health">Probes the nodes.</param>
/// <param name="Terms">Whether this master's time is over.</param>
/// <param name="Recovery">Hears the nodes after a restoration.</param>
/// <param name="Open">Settles what was left open.</param>
/// <param name="Moves">Holds what was on its way, until it is carried on.</param>
/// <param name="Loops">Run until the end.</param>
internal sealed record MasterStart(HealthWatch Health, TermWatch Terms, FleetRecovery Recovery, OpenOperations Open, Migrating Moves, IReadOnlyList<StandingLoop> Loops)
{
    /// <summary>Refuses a database of another fleet, and brings into it what the configuration may change.</summary>
    /// <exception cref="McpException">FailedPrecondition.</exception>
    public static void Check(Database database, MasterConfiguration configuration, TimeProvider clock) => database.Write(connection =>
    {
        var fleet = FleetStore.Find(connection)
            ?? throw new McpException(FaultCode.FailedPrecondition, $"{configuration.Database} holds no fleet: its creation was interrupted") { Hint = "run the same mcp master init again" };
        if (fleet.Domain != configuration.Domain)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"the fleet in {configuration.Database} has the domain {fleet.Domain}, the configuration says {configuration.Domain}")
            {
                Cause = "every identity carries the domain, so it cannot change",
                Hint = $"write domain = \"{fleet.Domain}\" into {MasterInit.FileIn(configuration.Home)}",
            };
        }
        FleetStore.Rename(connection, configuration.FleetName, configuration.Zone, configuration.Address.Length > 0 ? configuration.Address : fleet.Address);
        foreach (var node in configuration.Nodes.Where(n => NodeStore.Find(connection, n.Name) is null))
            NodeStore.Add(connection, node.Name, node.Role, node.Address, Timestamp.Now(clock), "configuration");
    });
}
