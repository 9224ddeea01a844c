using System.Text;
using Mcp.Podman;

namespace Mcp.Tests.Podman;

/// <summary>Pulls, loads and imports.</summary>
internal sealed class PodmanImageTests
{
    [Test]
    public async Task A_pull_tells_its_progress_and_ends_with_the_id()
    {
        await using var fake = Pulling("""{"stream":"Trying to pull r/x:1...\n"}""", """{"stream":"Copying blob \u001b[1mA\n"}""", """{"images":["abc"],"id":"abc"}""");
        using var podman = fake.Client();
        List<string> progress = [];
        var id = await podman.PullImageAsync("r.example/x@sha256:aa", new RegistryLogin("u", "p?>"), progress.Add, default);
        await Assert.That(id).IsEqualTo("abc");
        await Assert.That(string.Join('|', progress)).IsEqualTo("Trying to pull r/x:1...|Copying blob \\u{1b}[1mA");
        var request = fake.Requests.Single();
        await Assert.That(request.Path).IsEqualTo("images/pull?reference=r.example%2Fx%40sha256%3Aaa&policy=always");
        var auth = request.Headers["X-REGISTRY-AUTH"].Replace('-', '+').Replace('_', '/');
        await Assert.That(Encoding.UTF8.GetString(Convert.FromBase64String(auth))).Contains("\"username\":\"u\"");
    }

    [Test]
    public async Task An_error_inside_the_stream_under_status_200_is_a_refusal()
    {
        await using var fake = Pulling("""{"stream":"Trying"}""", """{"error":"initializing source docker://r/x:1: reading manifest 1: unauthorized: authentication required"}""");
        using var podman = fake.Client();
        var failure = await PodmanFaultTests.FailureOf(podman.PullImageAsync("r/x:1", null, null, default));
        await Assert.That(failure.Kind).IsEqualTo(PodmanFailure.Refused);
        await Assert.That(failure.Reason!).Contains("authentication required");
        await Assert.That(failure.Hint!).Contains("auth_file");
        await Assert.That(failure.EffectUnknown).IsFalse();
    }

    [Test]
    public async Task A_pull_that_ends_without_outcome_is_unreachable()
    {
        await using var fake = Pulling("""{"stream":"Trying"}""");
        using var podman = fake.Client();
        await Assert.That((await PodmanFaultTests.FailureOf(podman.PullImageAsync("r/x:1", null, null, default))).Kind).IsEqualTo(PodmanFailure.Unreachable);
    }

    [Test]
    public async Task A_pull_cut_within_a_line_is_a_failure()
    {
        await using var fake = Pulling("""{"stream":"Trying"}""", """{"images":["abc"],"id":"ab""");
        using var podman = fake.Client();
        await Assert.That((await PodmanFaultTests.FailureOf(podman.PullImageAsync("r/x:1", null, null, default))).Kind).IsEqualTo(PodmanFailure.Malformed);
    }

    [Test]
    public async Task A_login_never_shows_its_password() =>
        await Assert.That(new RegistryLogin("u", "geheim").ToString()).DoesNotContain("geheim");

    [Test]
    public async Task Load_and_import_stream_the_file()
    {
        await using var fake = new FakePodman()
            .On("POST", "images/load", 200, """{"Names":["localhost/a:1","localhost/b:2"]}""")
            .On("POST", "images/import", 200, """{"Id":"sha256:cafe"}""");
        using var podman = fake.Client();
        var bytes = new byte[3_000_000];
        Random.Shared.NextBytes(bytes);
        await Assert.That(string.Join(',', await podman.LoadImageAsync(new MemoryStream(bytes), default))).IsEqualTo("localhost/a:1,localhost/b:2");
        await Assert.That(fake.Requests[0].Body.AsSpan().SequenceEqual(bytes)).IsTrue();
        await Assert.That(await podman.ImportImageAsync(new MemoryStream(bytes), "localhost/x:1", ["CMD [\"a\"]", "LABEL a=b&c"], default)).IsEqualTo("cafe");
        await Assert.That(Uri.UnescapeDataString(fake.Requests[1].Path)).IsEqualTo("images/import?reference=localhost/x:1&changes=CMD [\"a\"]&changes=LABEL a=b&c");
    }

    private static FakePodman Pulling(params string[] lines) => new FakePodman().On("POST", "images/pull", async answer =>
    {
        await answer.BeginAsync();
        foreach (var line in lines)
            await answer.ChunkAsync(line + (line.EndsWith('}') ? "\n" : ""));
        await answer.EndAsync();
    });
}
