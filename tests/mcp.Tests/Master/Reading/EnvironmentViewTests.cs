using Mcp.Master.Reading;
using Mcp.V1;

namespace Mcp.Tests.Master.Reading;

public class EnvironmentViewTests
{
    [Test]
    public async Task Values_are_hidden_keys_stay_and_a_change_shows()
    {
        var first = EnvironmentView.Hide(Spec("PASSWORD=hunter2", "BARE"));
        await Assert.That(first.Components[0].Env[0]).StartsWith("PASSWORD=<sha256:");
        await Assert.That(first.ToString()).DoesNotContain("hunter2");
        await Assert.That(first.Components[0].Env[1]).IsEqualTo("BARE");
        await Assert.That(EnvironmentView.Hide(Spec("PASSWORD=hunter3", "BARE"))).IsNotEqualTo(first);
    }

    [Test]
    public async Task The_original_is_untouched()
    {
        var spec = Spec("A=b");
        EnvironmentView.Hide(spec);
        await Assert.That(spec.Components[0].Env[0]).IsEqualTo("A=b");
    }

    private static ServiceSpec Spec(params string[] env) => new() { Name = "notes", Components = { new ComponentSpec { Name = "notes", Env = { env } } } };
}
