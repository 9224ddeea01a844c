using Mcp.Agent.Monitoring;
using Mcp.Agent.Registry;
using Mcp.V1;

namespace Mcp.Tests.Agent.Monitoring;

/// <summary>What is the matter with a container, as a table: what was asked for, what is there.</summary>
internal sealed class ContainerConditionsTests
{
    [Test]
    // Asked to run.
    [Arguments(true, false, "running", true, false, "")]
    [Arguments(true, false, "running", false, false, "container unwatched")]
    [Arguments(true, false, "running", true, true, "container changed")]
    [Arguments(true, false, "running", false, true, "container unwatched, container changed")]
    [Arguments(true, false, "exited", false, false, "container down")]
    [Arguments(true, false, "created", false, false, "container down")]
    [Arguments(true, false, "stopping", false, false, "container down")]
    [Arguments(true, false, "unknown", false, false, "container down")]
    [Arguments(true, false, "missing", false, false, "container missing")]
    [Arguments(true, false, "paused", false, false, "container paused")]
    // The service is stopped, or this component alone.
    [Arguments(false, false, "exited", false, false, "")]
    [Arguments(false, false, "missing", false, false, "")]
    [Arguments(false, false, "running", true, false, "container unwanted")]
    [Arguments(false, false, "paused", false, false, "container unwanted")]
    [Arguments(true, true, "exited", false, false, "")]
    [Arguments(true, true, "running", true, false, "container unwanted")]
    public async Task A_container(bool desired, bool stopped, string state, bool conmon, bool drift, string kinds)
    {
        var row = new RegisteredServiceRow("notes", new ServiceSpec { Name = "notes" }, "", 1, desired, "", "", "", "",
            [new RegisteredComponentRow("notes", "web", "notes-web", "id", "", "", new ComponentImage(), stopped)]);
        var seen = new ContainerStatus { Service = "notes", Component = "web", Name = "notes-web", State = state, ConmonAlive = conmon, Drift = drift, ExitCode = 3 };
        var matters = ContainerConditions.Of(row, [seen]).ToList();
        await Assert.That(string.Join(", ", matters.Select(m => m.Subject.Kind))).IsEqualTo(kinds);
        foreach (var matter in matters)
        {
            await Assert.That(matter.Message).Contains("notes-web");
            await Assert.That(matter.Command).Contains("notes");
            await Assert.That((matter.Subject.Service, matter.Subject.Component)).IsEqualTo(("notes", "web"));
            await Assert.That(ContainerConditions.Kinds).Contains(matter.Subject.Kind);
        }
    }
}
